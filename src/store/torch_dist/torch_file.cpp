#include "store/torch_dist/torch_file.h"

#include <fmt/format.h>

namespace bascule {
namespace {

// The version of torch's file format. torch.load refuses an archive without it.
constexpr std::string_view kVersion = "3\n";
constexpr std::string_view kByteOrder = "little";

}  // namespace

std::string TorchFile::add_storage(std::string data) {
  storages_.push_back(std::move(data));
  return fmt::to_string(storages_.size() - 1);
}

std::string TorchFile::finish() {
  ZipBuilder zip(prefix_);
  zip.add("data.pkl", pickle_.finish());
  zip.add("byteorder", kByteOrder);
  for (size_t i = 0; i < storages_.size(); ++i) zip.add(fmt::format("data/{}", i), storages_[i]);
  zip.add("version", kVersion);
  return zip.finish().before;
}

std::string torch_file(std::string_view prefix, const pickle::Value& value) {
  TorchFile file(prefix);
  file.pickle().value(value);
  return file.finish();
}

Frame tensor_frame(std::string_view pickled_tensor, int64_t data_bytes) {
  ZipBuilder zip("archive");
  zip.add("data.pkl", pickled_tensor);
  zip.add("byteorder", kByteOrder);
  zip.add_streamed("data/0", data_bytes);
  zip.add("version", kVersion);
  return zip.finish();
}

}  // namespace bascule
