// Constants of the zip format (PKWARE's APPNOTE, 4.3 and 4.5) that reading and writing share.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace bascule::zip {

constexpr uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEnd = 0x06054b50,
                   kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50, kDescriptor = 0x08074b50;

// Bytes of each structure, without names and extra fields.
constexpr int64_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kEnd64Bytes = 56,
                  kLocatorBytes = 20;

constexpr uint16_t kEncrypted = 1, kHasDescriptor = 8, kUtf8 = 0x800;
constexpr uint16_t kExtra64 = 1;          // the extra field that holds 64-bit sizes
constexpr uint16_t kPadding = 0x4246;     // "FB", torch's padding before data
constexpr uint16_t kMany16 = UINT16_MAX;  // "see the zip64 structure"
constexpr uint32_t kMany32 = UINT32_MAX;

/// Reads little-endian numbers one after the other; the caller has checked the length.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}
  template <class Number>
  Number next() {
    static_assert(std::endian::native == std::endian::little);
    Number number;
    std::memcpy(&number, bytes_.data(), sizeof number);
    bytes_.remove_prefix(sizeof number);
    return number;
  }
  uint16_t u16() { return next<uint16_t>(); }
  uint32_t u32() { return next<uint32_t>(); }
  uint64_t u64() { return next<uint64_t>(); }
  void skip(size_t bytes) { bytes_.remove_prefix(bytes); }
  size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

/// Appends numbers in little-endian order.
template <class... Numbers>
void append(std::string& out, Numbers... numbers) {
  (out.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
}

}  // namespace bascule::zip
