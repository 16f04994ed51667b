// What a checkpoint writer is to write, as a value: files made of units, and small files.
//
// A format (safetensors, torch_dist) computes an Output from the tensors' names, dtypes and shapes
// alone; sizes and offsets are known before the first byte is read. The executor then streams each
// file from front to back: for each unit the frame's `before`, the data of a box, `after`.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/frame.h"
#include "store/tensor_source.h"

namespace bascule {

/// A stretch of an output file that holds one box of one tensor, dense and row-major. A model may
/// have 10^5 of them; those that hold boxes of one dtype and extent share their frame.
struct Unit {
  static constexpr size_t kNoTensor = static_cast<size_t>(-1);

  size_t file = 0;                     // index into Output::files
  int64_t offset = 0;                  // of the frame in the file
  std::shared_ptr<const Frame> frame;  // null: nothing but the data
  size_t tensor = kNoTensor;           // index into Output::tensors
  Box box;                             // the part of the tensor that is here
  int64_t data_bytes = 0;

  std::string_view before() const { return frame ? frame->before : std::string_view(); }
  std::string_view after() const { return frame ? frame->after : std::string_view(); }
  std::span<const uint32_t> crc_at() const {
    return frame ? std::span<const uint32_t>(frame->crc_at) : std::span<const uint32_t>();
  }
  int64_t data_offset() const { return offset + static_cast<int64_t>(before().size()); }
  int64_t end() const { return data_offset() + data_bytes + static_cast<int64_t>(after().size()); }
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
