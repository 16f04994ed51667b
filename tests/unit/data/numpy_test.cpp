// What numpy 2.4.6 gave for the same arguments.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "data/description.h"
#include "data/mock_corpus.h"
#include "data/numpy_random.h"
#include "data/numpy_sum.h"
#include "unit/data/sha256.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

struct Shuffled {
  uint32_t seed;
  std::vector<int32_t> first;
  std::string then;  // of 100,000 numbers, shuffled next
};

TEST(NumpyRandom, ShufflesAsNumpyDoes) {
  const std::vector<Shuffled> rows = {
      {0,
       {6, 11, 4, 10, 2, 8, 1, 7, 9, 3, 0, 5},
       "0b470bc90dac467b490821831baf93c1272a170460199e5ac3a0f763ec2480f6"},
      {1234,
       {7, 8, 11, 2, 9, 10, 1, 0, 4, 5, 6, 3},
       "df3d92a44fce5889d9f6f07858e38170c6d5ebfb1091863e7b3ef44bb7fde4a5"},
      {4294967295,
       {11, 8, 5, 9, 1, 10, 6, 0, 4, 7, 2, 3},
       "9ebfc7d32136b7c3d7bb2da7ec0ed2620b782d99f2d521e429875326436e2e0b"},
  };
  for (const auto& [seed, expected, then] : rows) {
    NumpyRandom random(seed);
    std::vector<int32_t> first(12);
    std::iota(first.begin(), first.end(), 0);
    random.shuffle(std::span(first));
    EXPECT_EQ(first, expected);
    std::vector<uint32_t> second(100'000);
    std::iota(second.begin(), second.end(), 0U);
    random.shuffle(std::span(second));
    EXPECT_EQ(sha256_of(std::span<const uint32_t>(second)), then);
  }
}

TEST(NumpyRandom, DrawsNothingForOneElement) {
  NumpyRandom one(5), other(5);
  std::vector<int32_t> single = {7}, none;
  one.shuffle(std::span(single));
  one.shuffle(std::span(none));
  EXPECT_EQ(one.interval(0), 0U);
  EXPECT_EQ(one.interval(1000), other.interval(1000));
}

TEST(NumpyRandom, DrawsTwoWordsAbove32Bits) {
  NumpyRandom random(7);
  for (const int64_t expected :
       std::vector<int64_t>{752595690692, 108744157686, 291964244179, 309610205529, 936371205000})
    EXPECT_EQ(static_cast<int64_t>(random.interval((uint64_t{1} << 40) + 12344)), expected);
}

TEST(NumpySum, AddsInNumpysOrder) {
  std::vector<double> values;
  values.reserve(300);
  for (int i = 0; i < 300; ++i) values.push_back(0.1 * std::pow(i + 1, 1.5));
  const auto sum = [&](size_t count) { return numpy_sum(std::span(values).first(count)); };
  EXPECT_EQ(numpy_sum({}), 0.0);
  EXPECT_EQ(sum(1), 0x1.999999999999ap-4);
  EXPECT_EQ(sum(3), 0x1.ce0ef8134ac53p-1);
  EXPECT_EQ(sum(7), 0x1.8919ff21926fbp+2);
  EXPECT_EQ(sum(8), 0x1.0cf560d8c6c40p+3);
  EXPECT_EQ(sum(9), 0x1.635bc73f2d2a6p+3);
  EXPECT_EQ(sum(16), 0x1.61a8dcbf7aa68p+5);
  EXPECT_EQ(sum(17), 0x1.99bbdde96a660p+5);
  EXPECT_EQ(sum(100), 0x1.fa43eb1f799aap+11);
  EXPECT_EQ(sum(128), 0x1.d3f193e732e03p+12);
  EXPECT_EQ(sum(129), 0x1.dd19d4c3bca9cp+12);
  EXPECT_EQ(sum(136), 0x1.101b18b89956cp+13);
  EXPECT_EQ(sum(300), 0x1.e92bb388966d2p+15);
  EXPECT_NE(sum(300), std::accumulate(values.begin(), values.end(), 0.0));
}

TEST(PythonFloat, IsPythonsText) {
  for (const auto& [value, text] : std::vector<std::pair<double, std::string>>{
           {0.0, "0.0"},
           {1.0, "1.0"},
           {0.8, "0.8"},
           {0.9, "0.9"},
           {1.0 / 3, "0.3333333333333333"},
           {1e-5, "1e-05"},
           {0.0001, "0.0001"},
           {1.5e-7, "1.5e-07"},
           {1e15, "1000000000000000.0"},
           {1e16, "1e+16"},
           {123456789.125, "123456789.125"},
           {1e22, "1e+22"},
           {0.1 + 0.2, "0.30000000000000004"},
           {5e-324, "5e-324"},
           {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
           {-2.5, "-2.5"},
           {100.0, "100.0"}})
    EXPECT_EQ(python_float(value), text);
}

TEST(Md5, IsMd5) {
  EXPECT_EQ(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5_hex("abc"), "900150983cd24fb0d6963f7d28e17f72");
}

TEST(MockCorpus, IsMegatrons) {
  const MockCorpus mock(1000, 999);
  std::vector<int32_t> lengths;
  for (int64_t i = 0; i < mock.sequences(); ++i)
    lengths.push_back(static_cast<int32_t>(mock.length(i)));
  EXPECT_EQ(lengths.size(), 100'000U);
  EXPECT_EQ(std::vector<int32_t>(lengths.begin(), lengths.begin() + 5),
            (std::vector<int32_t>{3484, 2609, 2094, 1105, 1261}));
  EXPECT_EQ(sha256_of(std::span<const int32_t>(lengths)),
            "ed8f44f17361fd0c689e0af757ac685fff85bc309c50f698ffb2aac84ebd4cea");
  std::vector<int64_t> tokens(3);
  mock.read(0, 997, tokens);
  EXPECT_EQ(tokens, (std::vector<int64_t>{998, 999, 0}));
  mock.read(0, 3481, tokens);
  EXPECT_EQ(tokens, (std::vector<int64_t>{482, 483, 999}));
  expect_error(Kind::internal, {"has 3484 tokens"}, [&] { mock.read(0, 3482, tokens); });
  expect_error(Kind::user, {"need a vocabulary"}, [] { MockCorpus(0, 0); });
}

}  // namespace
}  // namespace bascule
