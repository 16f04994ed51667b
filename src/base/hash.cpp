#include "base/hash.h"

#include <xxhash.h>

#include <new>

#include "base/check.h"

namespace bascule {
namespace {

Hash from_xxh(XXH128_hash_t hash) { return {hash.high64, hash.low64}; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string Hash::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

struct Hasher::State {
  XXH3_state_t* xxh = XXH3_createState();

  State() {
    if (xxh == nullptr) throw std::bad_alloc();
  }
  ~State() { XXH3_freeState(xxh); }
};

Hasher::Hasher() : state_(std::make_unique<State>()) { reset(); }
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::span<const std::byte> data) {
  XXH3_128bits_update(state_->xxh, data.data(), data.size());
}

Hash Hasher::hash() const { return from_xxh(XXH3_128bits_digest(state_->xxh)); }

void Hasher::reset() { XXH3_128bits_reset(state_->xxh); }

Hash hash_of(std::span<const std::byte> data) {
  return from_xxh(XXH3_128bits(data.data(), data.size()));
}

Hash hash_of(std::string_view text) { return from_xxh(XXH3_128bits(text.data(), text.size())); }

Hash hash_from_hex(std::string_view hex) {
  Hash hash;
  bool good = hex.size() == 32;
  for (size_t i = 0; good && i < hex.size(); ++i) {
    const int digit = hex_digit(hex[i]);
    good = digit >= 0;
    uint64_t& half = i < 16 ? hash.high : hash.low;
    half = half << 4 | static_cast<uint64_t>(digit & 15);
  }
  require(good, Kind::format, "\"{}\" is not an XXH3-128 digest of 32 hexadecimal digits",
          hex.substr(0, 64));
  return hash;
}

}  // namespace bascule
