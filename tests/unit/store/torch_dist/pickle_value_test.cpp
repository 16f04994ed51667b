#include "store/torch_dist/pickle_value.h"

#include <gtest/gtest.h>

#include "bascule/error.h"
#include "base/file.h"
#include "store/torch_dist/pickle.h"
#include "unit/store/torch_dist/pickle_literal.h"

namespace bascule::pickle {
namespace {

Value sample() {
  return Value::dict({
      {"checkpoint_version", 3.0},
      {"iteration", 7},
      {"numbers", Value::tuple({0, 255, 256, 65535, 65536, -1, INT32_MIN, int64_t{1} << 31,
                                INT64_MAX, INT64_MIN, int64_t{1} << 39, -(int64_t{1} << 39)})},
      {"floats", Value::list({0.1, -1e300, 0.0})},
      {"flags", Value::tuple({true, false, Value()})},
      {"empty", Value::list({Value::list({}), Value::tuple({}), Value::dict({})})},
      {5, "a key that is no string"},
      {"args", Value::object(Value::global("argparse", "Namespace"), Value::tuple({}),
                             Value::dict({{"no_save_optim", true}}))},
      {"dtype", Value::global("torch", "bfloat16")},
      {"size",
       Value::reduced(Value::global("torch", "Size"), Value::tuple({Value::tuple({1, 2})}))},
      {"storage", Value::persistent(Value::tuple({"storage", "0"}))},
  });
}

TEST(PickleEncode, ComesBack) {
  const Value value = sample();
  EXPECT_EQ(decode(encode(value)), value);
  EXPECT_NE(decode(encode(value)), Value::dict({}));
}

TEST(PickleEncode, KeepsWhatWasDecoded) {
  for (const char* path : {"tests/unit/store/torch_dist/data/ck1/.metadata",
                           "tests/golden/deepseek_v3/megatron/iter_0000000/.metadata"}) {
    const Value value = decode(read_small_file(path, 1 << 20));
    EXPECT_EQ(decode(encode(value)), value) << path;
  }
  const Value ordered = decode(raw("ccollections\nOrderedDict\n)R\x8c\x01kK\x01s."));
  EXPECT_EQ(decode(encode(ordered)), ordered);
  const Value deque =
      decode(raw("ccollections\ndeque\n)RK\x01"
                 "a."));
  EXPECT_EQ(decode(encode(deque)), deque);
  const Value big = decode(raw("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00."));
  EXPECT_EQ(decode(encode(big)), big);
}

TEST(PickleEncode, WritesEachNameOnce) {
  const Value size = Value::global("torch", "Size");
  EXPECT_EQ(encode(Value::list({size, size, "ab", "ab"})),
            raw("\x80\x02](ctorch\nSize\nq\x00h\x00X\x02\x00\x00\x00"
                "abq\x01h\x01"
                "e."));
}

TEST(PickleEncode, SpellsBytesAsPythonDoes) {
  EXPECT_EQ(to_string(decode(encode(Value::bytes("a\xe9")))),
            "_codecs.encode('a\xc3\xa9', 'latin1')");
}

TEST(PickleEncode, RefusesWhatProtocol2Lacks) {
  EXPECT_THROW(encode(decode(raw("\x8f(K\x01\x90."))), Error);
  EXPECT_THROW(encode(Value::global("a\nb", "c")), Error);
  EXPECT_THROW(encode(decode(raw("\x8b\x00\x01\x00\x00") + std::string(256, 'x') + ".")), Error);
}

TEST(PickleValue, NamesBothTypes) {
  const auto message = [](auto&& use) -> std::string {
    try {
      use();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::format);
      return error.what();
    }
    return "none";
  };
  const Value dict = sample();
  EXPECT_EQ(message([&] { dict.integer(); }), "a dict where a int belongs");
  EXPECT_EQ(message([&] { dict["iteration"].string(); }), "a int where a str belongs");
  EXPECT_EQ(message([&] { dict["missing"]; }), "no key \"missing\" where one is needed");
  EXPECT_EQ(message([&] { dict.at(0); }), "a dict where a tuple or list belongs");
  EXPECT_EQ(message([&] { dict["numbers"].at(12); }), "a tuple of 12 members has no member 12");
  EXPECT_EQ(message([&] { dict.key(11); }), "a dict of 11 pairs has no pair 11");
  EXPECT_EQ(message([&] { Value(1).size(); }), "a int where a container belongs");
  EXPECT_EQ(message([&] { Value().boolean(); }), "a None where a bool belongs");
  EXPECT_EQ(message([&] { Value(true).integer(); }), "a bool where a int belongs");
  EXPECT_EQ(message([&] { Value("a").state(); }), "a str where a object belongs");
}

TEST(PickleValue, ReadsItsParts) {
  const Value dict = sample();
  EXPECT_EQ(dict.size(), 11u);
  EXPECT_EQ(dict["iteration"].integer(), 7);
  EXPECT_EQ(dict["iteration"].number(), 7.0);
  EXPECT_EQ(dict["checkpoint_version"].number(), 3.0);
  EXPECT_EQ(dict["numbers"].at(9).integer(), INT64_MIN);
  EXPECT_EQ(dict.key(6).integer(), 5);
  EXPECT_EQ(dict.value(6).string(), "a key that is no string");
  EXPECT_TRUE(dict["args"].is("argparse", "Namespace"));
  EXPECT_TRUE(dict["args"].made_by_new());
  EXPECT_TRUE(dict["args"].state()["no_save_optim"].boolean());
  EXPECT_FALSE(dict["size"].made_by_new());
  EXPECT_TRUE(dict["size"].items().is_none());
  EXPECT_EQ(dict["size"].args().at(0).at(1).integer(), 2);
  EXPECT_EQ(dict["storage"].id().at(0).string(), "storage");
  EXPECT_EQ(dict["dtype"].module(), "torch");
  EXPECT_FALSE(dict.find("absent"));
}

TEST(PickleValue, RefusesToGrowDeep) {
  Value value;
  for (int i = 0; i < Value::kMaxHeight - 1; ++i) value = Value::list({value});
  EXPECT_THROW(({
                 for (int i = 0; i < 3; ++i) value = Value::list({value});
               }),
               Error);
}

TEST(PickleValue, RefusesToUnfold) {
  Value value = Value::tuple({});
  EXPECT_THROW(({
                 for (int i = 0; i < 64; ++i) value = Value::tuple({value, value});
               }),
               Error);
}

}  // namespace
}  // namespace bascule::pickle
