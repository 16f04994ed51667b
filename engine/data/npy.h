// numpy's .npy files, as far as index caches need them: whole numbers, one or two dimensions,
// row-major, little-endian. Pure functions but for map_npy and write_npy.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "data/held_array.h"
#include "data/mapped_file.h"

namespace bascule {

struct NpyHeader {
  std::string dtype;  ///< numpy's: "<i4"
  std::vector<int64_t> shape;
  int64_t data_begin = 0;

  bool operator==(const NpyHeader&) const = default;
};

/// Reads the header of a file of these bytes, and checks that the data fills the rest exactly.
/// Throws Error{format} naming the file.
NpyHeader parse_npy(std::span<const std::byte> bytes, const std::string& where);

/// The bytes before the data, as numpy 2 writes them.
std::string npy_header(std::string_view dtype, const std::vector<int64_t>& shape);

template <class T>
constexpr std::string_view npy_dtype() {
  static_assert(std::is_integral_v<T>);
  constexpr bool kSigned = std::is_signed_v<T>;
  if constexpr (sizeof(T) == 2) return kSigned ? "<i2" : "<u2";
  if constexpr (sizeof(T) == 4) return kSigned ? "<i4" : "<u4";
  return kSigned ? "<i8" : "<u8";
}

/// The header of a file that holds this. Throws Error{format} for any other, with the remedy for an
/// index that can be made again.
NpyHeader required_npy(std::span<const std::byte> bytes, std::string_view dtype,
                       const std::vector<int64_t>& shape, const std::string& where);

/// Maps a file of this type and shape. Throws Error{format} for any other.
template <class T>
HeldArray<T> map_npy(const std::filesystem::path& path, const std::vector<int64_t>& shape) {
  const auto file = std::make_shared<const MappedFile>(path);
  const NpyHeader header = required_npy(file->bytes(), npy_dtype<T>(), shape, path.string());
  const std::span<const std::byte> data =
      file->bytes().subspan(static_cast<size_t>(header.data_begin));
  return HeldArray<T>({reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)}, file);
}

/// Writes a file durably, under a hidden name until it is complete.
void write_npy(const std::filesystem::path& path, std::string_view dtype,
               const std::vector<int64_t>& shape, std::span<const std::byte> data);

}  // namespace bascule
