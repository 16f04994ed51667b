#include "recipe/overrides.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/blend.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Overrides, are_a_key_and_a_value) {
  EXPECT_EQ(parse_override("a.b=c").key, "a.b");
  EXPECT_EQ(parse_override("a.b=c").value, "c");
  EXPECT_EQ(parse_override("a=b=c").value, "b=c");
  EXPECT_EQ(parse_override("a=").value, "");
}

TEST(Overrides, need_a_key_and_an_equals_sign) {
  for (const char* text : {"", "a", "=", "=1", "optimizer.lr 1"})
    expect_error(Kind::user, {"override", "key=value"}, [&] { parse_override(text); });
  for (const char* text : {"+a=1", "++a=1", "~a=1"})
    expect_error(Kind::user, {"Hydra", "not needed"}, [&] { parse_override(text); });
}

TEST(Words, are_split_as_a_shell_does) {
  EXPECT_THAT(split_words(""), IsEmpty());
  EXPECT_THAT(split_words(" \t\n"), IsEmpty());
  EXPECT_THAT(split_words("a=1  b=2\n"), ElementsAre("a=1", "b=2"));
  EXPECT_THAT(split_words("a='1 2' b=\"x 'y'\""), ElementsAre("a=1 2", "b=x 'y'"));
  EXPECT_THAT(split_words("a='' ''"), ElementsAre("a=", ""));
  expect_error(Kind::user, {"quote without an end"}, [] { split_words("a='1 b=2"); });
  expect_error(Kind::user, {"quote without an end"}, [] { split_words("a=\""); });
}

using Text = std::string;

template <class T>
std::optional<T> taken(const std::string& text, const Range& range = {}) {
  std::optional<T> value;
  take_value(text, [&](const Tree& tree) {
    value = SettingType<T>::from(tree, range);
    return value.has_value();
  });
  return value;
}

TEST(Values, are_typed_by_their_setting) {
  EXPECT_EQ(taken<int64_t>("12"), 12);
  EXPECT_EQ(taken<int64_t>("1e6"), 1000000);
  EXPECT_EQ(taken<double>("1e-5"), 1e-5);
  EXPECT_EQ(taken<double>("3"), 3.0);
  EXPECT_EQ(taken<bool>("true"), true);
  EXPECT_EQ(taken<std::string>("true"), "true");
  EXPECT_EQ(taken<std::string>("007"), "007");
  EXPECT_EQ(taken<std::string>("1e5"), "1e5");
  EXPECT_EQ(taken<std::string>("'null'"), "null");
  EXPECT_EQ(taken<std::string>("[a"), "[a");  // no YAML, but a text
  for (const char* none : {"null", "~", ""}) {
    EXPECT_TRUE(taken<std::optional<int64_t>>(none) && !*taken<std::optional<int64_t>>(none));
    EXPECT_TRUE(taken<std::optional<Text>>(none) && !*taken<std::optional<Text>>(none));
  }
  EXPECT_THAT(*taken<std::vector<int64_t>>("[16, 8, 300]"), ElementsAre(16, 8, 300));
  EXPECT_THAT(*taken<std::vector<std::string>>("[a, b]"), ElementsAre("a", "b"));
  EXPECT_EQ(std::get<double>(*taken<OneOrMany<double>>("5e5")), 5e5);
  EXPECT_THAT(std::get<1>(*taken<OneOrMany<double>>("[1e4, 1e6]")), ElementsAre(1e4, 1e6));
}

TEST(Values, of_another_type_or_out_of_range_are_not_taken) {
  EXPECT_FALSE(taken<int64_t>("1.5"));
  EXPECT_FALSE(taken<int64_t>("ten"));
  EXPECT_FALSE(taken<int64_t>("1e300"));
  EXPECT_FALSE(taken<int64_t>("99999999999999999999"));
  EXPECT_FALSE(taken<int64_t>(""));
  EXPECT_FALSE(taken<int64_t>("null"));
  EXPECT_FALSE(taken<int64_t>("[1]"));
  EXPECT_FALSE(taken<int64_t>("true"));
  EXPECT_FALSE(taken<int64_t>("0", at_least(1)));
  EXPECT_FALSE(taken<double>("0", above(0)));
  EXPECT_FALSE(taken<double>("1.1", between(0, 1)));
  EXPECT_FALSE(taken<double>(".nan"));
  EXPECT_FALSE(taken<double>(".inf"));
  EXPECT_FALSE(taken<double>("fast"));
  EXPECT_FALSE(taken<bool>("1"));
  EXPECT_FALSE(taken<bool>("maybe"));
  EXPECT_FALSE(taken<bool>("null"));
  EXPECT_FALSE(taken<std::vector<int64_t>>("[1, x]"));
  EXPECT_FALSE(taken<std::vector<int64_t>>("1"));
  EXPECT_FALSE(taken<std::vector<int64_t>>("{a: 1}"));
}

TEST(Blends, are_spelled_in_three_ways) {
  const Blend one{{"data/a"}, {}}, two{{"a", "b"}, {}}, weighted{{"a", "b"}, {0.3, 0.7}};
  EXPECT_EQ(taken<Blend>("data/a"), one);
  EXPECT_EQ(taken<Blend>("[data/a]"), one);
  EXPECT_EQ(taken<Blend>("[[data/a], null]"), one);
  EXPECT_EQ(taken<Blend>("[a, b]"), two);
  EXPECT_EQ(taken<Blend>("[0.3, a, 0.7, b]"), weighted);
  EXPECT_EQ(taken<Blend>("['0.3', a, '0.7', b]"), weighted);
  EXPECT_EQ(taken<Blend>("[[a, b], [0.3, 0.7]]"), weighted);
  EXPECT_EQ(*SettingType<Blend>::from(SettingType<Blend>::to(weighted), {}), weighted);
  EXPECT_EQ(*SettingType<Blend>::from(SettingType<Blend>::to(one), {}), one);
}

TEST(Blends, that_do_not_match_are_not_taken) {
  for (const char* text : {"[]",
                           "[[]]",
                           "[[], []]",
                           "[[a], [1], [2]]",
                           "[[a], [1, 2]]",
                           "[[a, b], [1]]",
                           "[[a], [0]]",
                           "[[a], [-1]]",
                           "[[a], [x]]",
                           "[[a], 1]",
                           "[0.3, a, 0.7]",
                           "[0.3, a, b, c]",
                           "[0.3, 0.7]",
                           "[a, 1]",
                           "[a, '']",
                           "[null]",
                           "[[1.5], null]",
                           "{a: b}",
                           "null",
                           "''"})
    EXPECT_FALSE(taken<Blend>(text)) << text;
}

}  // namespace
}  // namespace bascule
