// What a checkpoint writer is to write, as a value: files made of units, and small files.
//
// A format (safetensors, torch_dist) computes an Output from the tensors' names, dtypes and shapes
// alone; sizes and offsets are known before the first byte is read. The executor then streams each
// file from front to back: `before`, the data of a box, `after`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/tensor_source.h"

namespace bascule {

/// A stretch of an output file that holds one box of one tensor, dense and row-major.
struct Unit {
  static constexpr size_t kNoTensor = static_cast<size_t>(-1);

  size_t file = 0;            // index into Output::files
  int64_t offset = 0;         // of `before` in the file
  std::string before;         // fixed bytes that precede the data
  size_t tensor = kNoTensor;  // index into Output::tensors
  Box box;                    // the part of the tensor that is here
  int64_t data_bytes = 0;
  std::string after;  // fixed bytes that follow, but for the CRC-32 of the data (little-endian) ...
  std::vector<uint32_t> crc_at;  // ... to be put at these offsets of `after`

  int64_t data_offset() const { return offset + static_cast<int64_t>(before.size()); }
  int64_t end() const { return data_offset() + data_bytes + static_cast<int64_t>(after.size()); }
};

struct OutputFile {
  std::string name;  // relative to the checkpoint's directory
  int64_t size = 0;
};

struct SmallFile {
  std::string name;  // relative; may hold '/'
  std::string bytes;
};

struct Output {
  std::vector<TensorInfo> tensors;
  std::vector<OutputFile> files;
  std::vector<Unit> units;  // by file, then offset, without gaps
  std::vector<SmallFile> small_files;
};

}  // namespace bascule
