#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/crc.h"
#include "base/file.h"
#include "unit/base/expect_error.h"

namespace bascule {
namespace {

TEST(Hash, IsXxh3With128Bits) {
  // The published value of the empty input, seed 0.
  EXPECT_EQ(hash_of("").hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(Hasher().hex(), "99aa06d3014798d86001c324468d497f");
}

TEST(Hash, StreamsLikeOneBlock) {
  std::string text(100'000, 'x');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 % 251);
  Hasher hasher;
  for (size_t at = 0, step = 1; at < text.size(); at += step, step = step * 3 + 1)
    hasher.update(as_bytes(std::string_view(text).substr(at, step)));
  EXPECT_EQ(hasher.hash(), hash_of(text));
  hasher.reset();
  hasher.update(as_bytes("a"));
  EXPECT_EQ(hasher.hash(), hash_of("a"));
  EXPECT_NE(hash_of("a"), hash_of("b"));
}

TEST(Hash, HexGoesBothWays) {
  EXPECT_EQ((Hash{1, 0xabc}.hex()), "00000000000000010000000000000abc");
  EXPECT_EQ(hash_from_hex("00000000000000010000000000000abc"), (Hash{1, 0xabc}));
  EXPECT_EQ(hash_from_hex(hash_of("q").hex()), hash_of("q"));
  for (const char* bad : {"", "00", "0000000000000001000000000000ABCD",
                          "00000000000000010000000000000abg", "00000000000000010000000000000abc0"})
    expect_error(Kind::format, "is not an XXH3-128 digest", [&] { hash_from_hex(bad); });
}

TEST(Crc, IsThatOfZip) {
  EXPECT_EQ(crc32(0, as_bytes("123456789")), 0xCBF43926u);
  EXPECT_EQ(crc32(crc32(0, as_bytes("1234")), as_bytes("56789")), 0xCBF43926u);
  EXPECT_EQ(crc32(0, {}), 0u);
  EXPECT_EQ(crc32(7, {}), 7u);
}

}  // namespace
}  // namespace bascule
