// Safetensors files as bytes, made by hand: whole and broken ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bascule {

inline std::string little_endian(uint64_t value) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> 8 * i & 0xff);
  return bytes;
}

/// A file of this header and these data.
inline std::string safetensors(std::string_view header, std::string_view data = "") {
  return little_endian(header.size()) + std::string(header) + std::string(data);
}

/// The data 0, 1, 2, ... of so many bytes.
inline std::string counting(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251);
  return bytes;
}

/// A file with one U8 tensor of this name.
inline std::string one_tensor(const std::string& name, std::string_view data) {
  const std::string size = std::to_string(data.size());
  return safetensors("{\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[" + size +
                         "],\"data_offsets\":[0," + size + "]}}",
                     data);
}

}  // namespace bascule
