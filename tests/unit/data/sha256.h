// SHA-256 of bytes, to compare with what numpy or Megatron wrote.
#pragma once

#include <sha2.h>
#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>

namespace bascule {

inline std::string sha256(std::string_view bytes) {
  char hex[SHA256_DIGEST_STRING_LENGTH];
  SHA256Data(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), hex);
  return hex;
}

template <class T>
std::string sha256_of(std::span<const T> values) {
  return sha256({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

}  // namespace bascule
