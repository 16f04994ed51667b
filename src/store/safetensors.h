// Reading safetensors files: one file, and many as one source of tensors.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "store/safetensors_header.h"
#include "store/tensor_source.h"

namespace bascule {

/// One open safetensors file. const members may be called from several threads.
class SafetensorsFile {
 public:
  /// Opens and checks a file, strictly as the reference implementation. Throws Error{format}.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const File& file() const { return file_; }
  const SafetensorsHeader& header() const { return header_; }
  /// Where the data begins in the file.
  int64_t data_begin() const { return data_begin_; }

  /// Hands out the parts, for a SafetensorsSource.
  File take_file() { return std::move(file_); }
  SafetensorsHeader take_header() { return std::move(header_); }

 private:
  File file_;
  SafetensorsHeader header_;
  int64_t data_begin_ = 0;
};

/// One or many safetensors files as one TensorSource.
class SafetensorsSource final : public TensorSource {
 public:
  /// A file of the source, and which tensors it holds.
  struct Shard {
    std::string name;             // of the file, without its folder
    std::vector<size_t> tensors;  // indices into tensors(), in data order
    std::vector<std::pair<std::string, std::string>> metadata;
  };

  /// Opens the files. A tensor in two of them is Error{format} naming both.
  explicit SafetensorsSource(const std::vector<std::filesystem::path>& paths);

  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  void read(size_t index, const Box& box, std::span<std::byte> out) const override;
  std::pair<size_t, int64_t> place(size_t index) const override;
  std::string file_of(size_t index) const override;

  /// The files, in the order given: what keeps a grouping into shards.
  const std::vector<Shard>& shards() const { return shards_; }

 private:
  struct Place {
    size_t file = 0;
    int64_t offset = 0;  // in the file
  };

  std::vector<File> files_;
  std::vector<Shard> shards_;
  std::vector<TensorInfo> tensors_;
  std::vector<Place> places_;
};

}  // namespace bascule
