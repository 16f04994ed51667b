#include "settings/tree.h"
#include "unit/cpu_time.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

TEST(Json, ReadsEveryType) {
  const Tree tree = parse_json(
      R"({"a": null, "b": true, "c": -3, "d": 1e-5, "e": "\u00e9\n", "f": [1, [], {}], "g": 1.0})",
      "x.json");
  EXPECT_TRUE(tree.find("a")->is_null());
  EXPECT_TRUE(tree.find("b")->boolean());
  EXPECT_EQ(tree.find("c")->integer(), -3);
  EXPECT_EQ(tree.find("d")->real(), 1e-5);
  EXPECT_EQ(tree.find("e")->string(), "é\n");
  EXPECT_EQ(*tree.find("f"), Tree::list({1, Tree::list(), Tree::map()}));
  EXPECT_EQ(tree.find("g")->type(), Tree::Type::real);
}

TEST(Json, KeepsTheLimitsOfInt64) {
  EXPECT_EQ(parse_json("9223372036854775807", "x").integer(), INT64_MAX);
  EXPECT_EQ(parse_json("-9223372036854775808", "x").integer(), INT64_MIN);
  EXPECT_EQ(parse_json("9223372036854775808", "x").type(), Tree::Type::real);
}

TEST(Json, WritesAsTransformersDoes) {
  const Tree tree = Tree::map({{"rms_norm_eps", 1e-5},
                               {"architectures", Tree::list({"LlamaForCausalLM"})},
                               {"empty", Tree::list()},
                               {"rope", Tree::map({{"factor", 8.0}})},
                               {"none", Tree()},
                               {"text", "é\"\t"}});
  EXPECT_EQ(to_json(tree), R"({
  "rms_norm_eps": 1e-05,
  "architectures": [
    "LlamaForCausalLM"
  ],
  "empty": [],
  "rope": {
    "factor": 8.0
  },
  "none": null,
  "text": "é\"\t"
})");
  EXPECT_EQ(to_json(Tree::map({{"b", 1}, {"a", Tree::map({{"d", 1}, {"c", 2}})}}),
                    {.indent = -1, .sorted_keys = true}),
            R"({"a": {"c": 2, "d": 1}, "b": 1})");
  EXPECT_EQ(parse_json(to_json(tree), "again"), tree);
}

TEST(Json, RefusesWhatIsNotJson) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "unexpected end of input"},
      {"{", "unexpected end of input"},
      {"{\"a\": 1,}", "line 1, column 9"},
      {"[1 2]", "no valid JSON"},
      {"{'a': 1}", "no valid JSON"},
      {"{\"a\": NaN}", "no valid JSON"},
      {"{\"a\": Infinity}", "no valid JSON"},
      {"{\"a\": -Infinity}", "no valid JSON"},
      {"{\"a\": 1e999}", "1e999"},
      {"{\"a\": 01}", "no valid JSON"},
      {"{\"a\": .5}", "no valid JSON"},
      {"{\"a\": +1}", "no valid JSON"},
      {"{\"a\": 0x10}", "no valid JSON"},
      {"{\"a\": 1} x", "no valid JSON"},
      {"// c\n1", "no valid JSON"},
      {"\"\xff\"", "no valid JSON"},
      {"\"\x01\"", "no valid JSON"},
      {"\"\\ud800\"", "no valid JSON"},
      {"{\"a\": 1, \"a\": 1}", "the key a is there twice"},
      {"{\"x\": {\"a\": 1, \"b\": 2, \"a\": 3}}", "the key a is there twice"},
  };
  for (const auto& [text, part] : cases) {
    SCOPED_TRACE(text);
    expect_error(Kind::format, {"bad.json", part}, [text = text] { parse_json(text, "bad.json"); });
  }
}

TEST(Json, IsBounded) {
  EXPECT_NO_THROW(parse_json(std::string(64, '[') + std::string(64, ']'), "x"));
  expect_error(Kind::format, {"nested more than 64 deep"},
               [] { parse_json(std::string(65, '[') + std::string(65, ']'), "x"); });
  expect_error(Kind::format, {"nested more than 64 deep"},
               [] { parse_json(std::string(4000000, '['), "x"); });
  expect_error(Kind::format, {"4194305 bytes are more than the 4194304 allowed"},
               [] { parse_json(std::string((4 << 20) + 1, ' '), "x"); });
  std::string many = "[0";
  while (many.size() < 2'000'000) many += ",0";
  const CpuTime time;
  EXPECT_EQ(parse_json(many + "]", "x").list_items().size(), 1000000u);
  while (many.size() < (4 << 20) - 3) many += ",0";
  expect_error(Kind::format, {"x: more than 1048576 values"}, [&] { parse_json(many + "]", "x"); });
  std::string keys = "{\"0\":0";
  for (int i = 1; keys.size() < (4 << 20) - 20; ++i) keys += ",\"" + std::to_string(i) + "\":0";
  EXPECT_GT(parse_json(keys + "}", "x").entries().size(), 300000u);
  EXPECT_LT(time.seconds(), 4.0);
  EXPECT_NO_THROW(parse_json(std::string(5 << 20, ' ') + "1", "x", 6 << 20));
}

TEST(Json, RefusesToWriteWhatJsonLacks) {
  expect_error(Kind::internal, {"JSON has no number"}, [] { to_json(Tree(HUGE_VAL)); });
}

}  // namespace
}  // namespace bascule
