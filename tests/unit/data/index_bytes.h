// The bytes of .idx files, right and wrong ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bascule {

template <class T>
std::string value_bytes(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// An .idx file field by field; a count of -1 is what the vectors hold.
struct IndexBytes {
  std::string magic{"MMIDIDX\0\0", 9};
  uint64_t version = 1;
  uint8_t code = 8;
  std::vector<int32_t> lengths = {3, 0, 2};
  std::vector<int64_t> offsets = {0, 6, 6};
  std::vector<int64_t> documents = {0, 1, 3};
  int64_t sequences = -1, boundaries = -1;
  std::string rest{};

  std::string text() const {
    std::string out = magic + value_bytes(version) + value_bytes(code);
    out += value_bytes(sequences < 0 ? static_cast<uint64_t>(lengths.size())
                                     : static_cast<uint64_t>(sequences));
    out += value_bytes(boundaries < 0 ? static_cast<uint64_t>(documents.size())
                                      : static_cast<uint64_t>(boundaries));
    for (const int32_t length : lengths) out += value_bytes(length);
    for (const int64_t offset : offsets) out += value_bytes(offset);
    for (const int64_t document : documents) out += value_bytes(document);
    return out + rest;
  }
};

}  // namespace bascule
