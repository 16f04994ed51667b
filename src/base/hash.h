// XXH3-128 of a stream of bytes: what manifests, resumption and verification compare.
// A Hasher belongs to one thread.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bascule {

struct Hash {
  uint64_t high = 0, low = 0;

  auto operator<=>(const Hash&) const = default;
  /// 32 lower-case hexadecimal digits, the high half first.
  std::string hex() const;
};

class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  void update(std::span<const std::byte> data);
  /// Returns the hash of all bytes so far; more may follow.
  Hash hash() const;
  std::string hex() const { return hash().hex(); }
  /// Forgets all bytes.
  void reset();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Hash hash_of(std::span<const std::byte> data);
Hash hash_of(std::string_view text);

/// Reads what hex() wrote. Throws Error{format} for anything but 32 lower-case hexadecimal digits.
Hash hash_from_hex(std::string_view hex);

}  // namespace bascule
