#include "data/splits.h"

#include <gtest/gtest.h>

#include "unit/expect_error.h"

namespace bascule {
namespace {

TEST(Splits, AreFractionsOfTheirSum) {
  const auto splits = parse_splits("99,1,0");
  EXPECT_EQ(splits[0], (Fractions{0, 0.99}));
  EXPECT_EQ(splits[1], (Fractions{0.99, 1}));
  EXPECT_FALSE(splits[2]);
  EXPECT_EQ(parse_splits("1")[0], (Fractions{0, 1}));
  EXPECT_EQ(parse_splits(" 0.5 , .5 ")[1], (Fractions{0.5, 1}));
  EXPECT_FALSE(parse_splits("0,1,0")[0]);
  EXPECT_EQ(parse_splits("0,1,0")[1], (Fractions{0, 1}));
  // The bounds are sums, with what sums of fractions come to.
  EXPECT_EQ(parse_splits("7,2,1")[2], (Fractions{0.7 + 0.2, 0.7 + 0.2 + 0.1}));
}

TEST(Splits, RefuseOtherTexts) {
  for (const std::string text : {"", ",", "a", "1,", "1,,2", "-1,2", "1e-3,1", "1;2", "99/1/0",
                                 "0x1", "nan", "inf", "-0", "1 2", "1.2.3", "+1"})
    expect_error(Kind::user, {"is not up to three numbers such as 99,1,0"},
                 [&] { parse_splits(text); });
  expect_error(Kind::user, {"\"1,2,3,4\" has more than three numbers"},
               [] { parse_splits("1,2,3,4"); });
  expect_error(Kind::user, {"\"0,0,0\" has no share above 0"}, [] { parse_splits("0,0,0"); });
  const std::string huge(400, '9');
  expect_error(Kind::user, {"is no share"}, [&] { parse_splits(huge + ",1"); });
}

TEST(Splits, RoundHalvesToEven) {
  EXPECT_EQ(sequences_of({0, 0.5}, 5), (SequenceRange{0, 2}));
  EXPECT_EQ(sequences_of({0, 0.5}, 7), (SequenceRange{0, 4}));
  EXPECT_EQ(sequences_of({0.25, 0.75}, 10), (SequenceRange{2, 8}));
  EXPECT_EQ(sequences_of({0.99, 1}, 29), (SequenceRange{29, 29}));
  EXPECT_EQ(sequences_of({0, 1}, 0), (SequenceRange{0, 0}));
}

TEST(Splits, HaveNames) {
  EXPECT_EQ(name(Split::train), "train");
  EXPECT_EQ(name(Split::valid), "valid");
  EXPECT_EQ(name(Split::test), "test");
}

}  // namespace
}  // namespace bascule
