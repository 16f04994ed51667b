// Writes a small torch.save archive whole: one pickled value, and the storages it refers to.
// Not for several threads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/torch_dist/pickle_value.h"
#include "store/torch_dist/pickle_writer.h"
#include "store/torch_dist/zip_frame.h"

namespace bascule {

class TorchFile {
 public:
  /// Records are named `prefix`/...: a file's stem, or "archive" for one inside a .distcp.
  explicit TorchFile(std::string_view prefix) : prefix_(prefix) {}

  /// The value is to be written here.
  pickle::Writer& pickle() { return pickle_; }
  /// Adds the bytes of a storage and returns its key.
  std::string add_storage(std::string data);
  /// Returns the archive.
  std::string finish();

 private:
  std::string prefix_;
  pickle::Writer pickle_;
  std::vector<std::string> storages_;
};

/// Returns torch.save(value), for a value without tensors.
std::string torch_file(std::string_view prefix, const pickle::Value& value);

/// Returns the frame of torch.save(tensor) around `data_bytes` bytes that are its elements.
Frame tensor_frame(std::string_view pickled_tensor, int64_t data_bytes);

}  // namespace bascule
