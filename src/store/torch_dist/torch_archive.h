// One torch.save archive as data: its pickled value, and the storages that tensors in it refer to.
// Not for several threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/box.h"
#include "store/dtype.h"
#include "store/torch_dist/pickle_value.h"
#include "store/torch_dist/zip.h"

namespace bascule {

/// A tensor as a pickled value describes it.
struct SavedTensor {
  DType dtype = DType::f32;
  std::string storage;           // key of the storage that holds its elements
  int64_t storage_elements = 0;  // of that storage, counted in `dtype`
  int64_t offset = 0;            // of the first element in the storage
  Shape shape, strides;

  bool row_major() const;
};

/// Says whether a value is a tensor (or a parameter).
bool is_tensor(const pickle::Value& value);
/// Reads the description. Throws Error{format} when it is none, or reaches outside its storage.
SavedTensor saved_tensor(const pickle::Value& value);

class TorchArchive {
 public:
  /// Reads the archive's directory and its data.pkl.
  TorchArchive(const ReadAt& read, int64_t length);

  const pickle::Value& value() const { return value_; }
  /// Returns where the elements of `tensor` begin in the archive.
  int64_t data_at(const SavedTensor& tensor) const;
  /// Returns the elements of a row-major tensor. Throws Error{format} above `limit` bytes.
  std::string data(const SavedTensor& tensor, int64_t limit = int64_t{1} << 20) const;
  /// Returns the one element of a 0-dim (or one-element) tensor: an integer, a float or a bool.
  pickle::Value scalar(const pickle::Value& tensor) const;

 private:
  const ZipRecord& storage(const SavedTensor& tensor) const;

  ReadAt read_;
  ZipArchive zip_;
  std::string prefix_;  // of the records' names, with its slash
  pickle::Value value_;
};

/// Reads a whole file that torch.save wrote: common.pt, train_state.pt. Throws Error naming it.
TorchArchive open_torch_file(const std::filesystem::path& file);

}  // namespace bascule
