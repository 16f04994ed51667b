#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "settings/tree.h"
#include "unit/cpu_time.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

TEST(Yaml, ResolvesPlainScalarsAsYaml11) {
  const std::pair<const char*, Tree> cases[] = {
      {"null", Tree()},     {"~", Tree()},
      {"true", true},       {"Yes", true},
      {"off", false},       {"y", "y"},
      {"12", 12},           {"-1_000", -1000},
      {"0x1F", 31},         {"010", 8},
      {"0b101", 5},         {"0o17", 15},
      {"1.5", 1.5},         {"1.0e-05", 1e-5},
      {"1e-5", 1e-5},       {".5", 0.5},
      {"5.", 5.0},          {"+1.5", 1.5},
      {"1:30", "1:30"},     {"2024-01-31", "2024-01-31"},
      {"1e", "1e"},         {"e5", "e5"},
      {"1.2.3", "1.2.3"},   {"'12'", "12"},
      {"\"true\"", "true"}, {"''", ""},
      {"09", "09"},         {"0x", "0x"},
      {"!!str 12", "12"},   {"!!float 1", 1.0},
      {"!!int 7", 7},       {"torch.bfloat16", "torch.bfloat16"},
      {".", "."},           {"99999999999999999999", 99999999999999999999.0},
      {"-.inf", -HUGE_VAL}, {"1__0", 10},
      {"_1", "_1"},
  };
  for (const auto& [text, value] : cases) {
    SCOPED_TRACE(text);
    const Tree tree = parse_yaml(std::string("- ") + text, "x.yaml");
    EXPECT_EQ(tree, Tree::list({value})) << brief(tree);
  }
  EXPECT_TRUE(std::isnan(parse_yaml(".nan", "x").real()));
}

TEST(Yaml, ReadsCollectionsAndAnchors) {
  const Tree tree = parse_yaml(
      "a: &x\n  b: 1\n  c: [1, 2]\nd: *x\ne:\n- f: 2\n  g: |\n    two\n    lines\n- []\nh: {}\n"
      "1: one\ntrue: t\n",
      "x.yaml");
  EXPECT_EQ(*tree.find("d"), Tree::map({{"b", 1}, {"c", Tree::list({1, 2})}}));
  EXPECT_EQ(tree.find("e")->list_items()[0].find("g")->string(), "two\nlines\n");
  EXPECT_EQ(*tree.find("h"), Tree::map());
  EXPECT_EQ(tree.find("1")->string(), "one");
  EXPECT_EQ(tree.find("true")->string(), "t");
  EXPECT_TRUE(parse_yaml("", "x").is_null());
  EXPECT_EQ(parse_yaml("--- 1\n...\n", "x"), Tree(1));
}

TEST(Yaml, WritesAsPyYamlDoes) {
  const Tree tree = Tree::map(
      {{"b", Tree::map({{"eps", 1e-5}, {"theta", 10000.0}, {"big", 1e16}, {"n", -3}})},
       {"a", Tree::list({1, Tree::list({"x", Tree::list()}), Tree::map({{"k", 1}, {"j", true}})})},
       {"empty_list", Tree::list()},
       {"empty_map", Tree::map()},
       {"none", Tree()},
       {"empty", ""},
       {"inf", -HUGE_VAL},
       {"number", "12"},
       {"float", "1.0e-05"},
       {"float12", "1e-5"},
       {"bool", "yes"},
       {"date", "2024-01-31"},
       {"time", "1:30"},
       {"colon", "a: b"},
       {"hash", "a #b"},
       {"target", "megatron.bridge.models.gpt_provider.GPTModelProvider"},
       {"path", "./llama/megatron"},
       {"quote", "it's: so"},
       {"lines", "a\nb"},
       {"accent", "é😀"},
       {"dash", "- a"},
       {"star", "*a"},
       {"12", "key"}});
  const std::string text = R"('12': key
a:
- 1
- - x
  - []
- j: true
  k: 1
accent: "\xE9\U0001F600"
b:
  big: 1.0e+16
  eps: 1.0e-05
  n: -3
  theta: 10000.0
bool: 'yes'
colon: 'a: b'
dash: '- a'
date: '2024-01-31'
empty: ''
empty_list: []
empty_map: {}
float: '1.0e-05'
float12: '1e-5'
hash: 'a #b'
inf: -.inf
lines: "a\nb"
none: null
number: '12'
path: ./llama/megatron
quote: 'it''s: so'
star: '*a'
target: megatron.bridge.models.gpt_provider.GPTModelProvider
time: '1:30'
)";
  EXPECT_EQ(to_yaml(tree), text);
  EXPECT_EQ(parse_yaml(text, "again"), tree.sorted());
}

TEST(Yaml, WritesWhatMegatronBridgeWroteByteForByte) {
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("tests/golden")) {
    if (entry.path().filename() != "run_config.yaml") continue;
    SCOPED_TRACE(entry.path());
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    EXPECT_EQ(to_yaml(parse_yaml(text.str(), entry.path().string())), text.str());
    ++files;
  }
  EXPECT_GE(files, 10);
}

TEST(Yaml, WritesAnyTextSoThatItReadsBack) {
  const char* const texts[] = {
      "",      " ",   "a ", " a",   "\t",     "a\tb", "null", "~",    "NULL", "True",   "on",
      "No",    "n",   "=",  "<<",   "1_0",    "0x1",  "010",  "+.5",  ".inf", ".nan",   "-",
      "--- a", "...", "?",  "? a",  ":",      "a:",   ":a",   "a:b",  "#",    "#a",     "a#b",
      "[a",    "{a",  "]",  "a, b", "!a",     "&a",   "*a",   "|",    ">",    "%a",     "@a",
      "`a",    "\"",  "'",  "''",   "a'b\"c", "\\",   "\r\n", "\x7f", "a\n",  "\u2028", "\ufeffa",
      "<|x|>", "(a",  "$a", "é",    "-1",     "- ",   "... a"};
  for (const char* text : texts) {
    SCOPED_TRACE(text);
    const Tree tree = Tree::map({{"k", text}, {text, Tree::list({text})}});
    EXPECT_EQ(parse_yaml(to_yaml(tree), "again"), tree.sorted()) << to_yaml(tree);
    EXPECT_EQ(parse_yaml(to_yaml(Tree(text)), "alone"), Tree(text)) << to_yaml(Tree(text));
  }
}

TEST(Yaml, RefusesWhatItDoesNotKnow) {
  const std::pair<const char*, const char*> cases[] = {
      {"a: [1", "no valid YAML"},
      {"a: b: c", "no valid YAML"},
      {"a: 1\n b: 2", "no valid YAML: line 2"},
      {"a: *b", "no valid YAML"},
      {"&a [*a]", "has no value yet"},
      {"a: 1\na: 2", "line 2 repeats the key \"a\""},
      {"a: &x {b: 1}\nc:\n  <<: *x\n", "merges a map"},
      {"? [1]\n: 2", "uses a list as a key"},
      {"? {a: 1}\n: 2", "uses a map as a key"},
      {"!!python/object/apply:os.system ['true']", "has the tag tag:yaml.org,2002:python/object"},
      {"a: !!python/name:os.system x", "tags \"x\" as tag:yaml.org,2002:python/name:os.system"},
      {"a: !!int x", "tags \"x\" as tag:yaml.org,2002:int"},
      {"a: !foo x", "tags \"x\" as !foo"},
      {"a: !!binary aGk=", "not supported"},
      {"a: !!set {b}", "not supported"},
      {"a: 1\n---\nb: 2\n", "more than one document"},
      {"\ta: 1\n\tb: 2", "no valid YAML"},
      {"a: \"\\q\"", "no valid YAML"},
      {"a: 'x", "no valid YAML"},
      {"a: \xff", "not UTF-8 at byte 3"},
      {"a: \x80", "not UTF-8 at byte 3"},
      {"a: \xc3", "not UTF-8 at byte 3"},
      {"a: \xc3(", "not UTF-8 at byte 3"},
      {"a: \xc0\xaf", "not UTF-8 at byte 3"},
      {"a: \xe0\x9f\xbf", "not UTF-8 at byte 3"},
      {"a: \xed\xa0\x80", "not UTF-8 at byte 3"},
      {"a: \xf0\x8f\xbf\xbf", "not UTF-8 at byte 3"},
      {"a: \xf4\x90\x80\x80", "not UTF-8 at byte 3"},
      {"a: \xf0\x9f\x98", "not UTF-8 at byte 3"},
      {"a: \xf0\x9f\x98(", "not UTF-8 at byte 3"},
      {"\xff\xfe"
       "a",
       "not UTF-8 at byte 0"},
  };
  for (const auto& [text, part] : cases) {
    SCOPED_TRACE(text);
    expect_error(Kind::format, {"bad.yaml", part}, [text = text] { parse_yaml(text, "bad.yaml"); });
  }
}

TEST(Yaml, TakesAllOfUtf8) {
  const std::string all =
      "\xc2\x85\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";
  EXPECT_EQ(parse_yaml("'a" + all + "'", "x").string(), "a" + all);
  expect_error(Kind::format, {"not UTF-8 at byte 1"},
               [] { parse_yaml(std::string("a\0b", 3), "x"); });
}

TEST(Yaml, IsBounded) {
  EXPECT_NO_THROW(parse_yaml(std::string(64, '[') + std::string(64, ']'), "x"));
  expect_error(Kind::format, {"nested more than 64 deep"},
               [] { parse_yaml(std::string(65, '[') + std::string(65, ']'), "x"); });
  expect_error(Kind::format, {"bytes are more than the"},
               [] { parse_yaml(std::string((1 << 20) + 1, ' '), "x"); });
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 1; j < 10; ++j) bomb += ", " + last;
    bomb += "]\n";
  }
  const CpuTime time;
  expect_error(Kind::format, {"more than 1048576 values"}, [&] { parse_yaml(bomb, "x"); });
  std::string long_text = "a: &a " + std::string(900000, 'x') + "\nb:\n";
  for (int i = 0; i < 1000; ++i) long_text += "- *a\n";
  expect_error(Kind::format, {"aliases expand to more than"}, [&] { parse_yaml(long_text, "x"); });
  EXPECT_LT(time.seconds(), 2.0);
}

TEST(Yaml, RefusesHostileTextSoon) {
  const auto repeat = [](const std::string& part, size_t bytes) {
    std::string text;
    while (text.size() + part.size() < bytes) text += part;
    return text;
  };
  const size_t most = 1 << 20;
  const std::string texts[] = {
      repeat("[", most),
      repeat("{a: ", most),
      repeat("- ", most),
      repeat("? ", most),
      repeat("a: ", most),
      repeat("[],", most),
      repeat("\"", most),
      repeat("&a ", most),
      repeat("!", most),
      repeat("- a\n", most),
      "[" + repeat("a,", most - 4) + "]",
      repeat("%", most),
      repeat("#\n", most),
      repeat("---\n", most),
      repeat("'", most),
      repeat("|\n", most),
      repeat("a\n", most),
  };
  for (const std::string& text : texts) {
    SCOPED_TRACE(text.substr(0, 10));
    const CpuTime time;
    try {
      parse_yaml(text, "x");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::format);
    }
    EXPECT_LT(time.seconds(), 2.0);
  }
}

TEST(Yaml, SaysWhereKeysStand) {
  std::vector<KeyLine> lines = {{"old", 1}};
  parse_yaml("a: 1\n\nb:\n  c: [1, {d: 2}]\n  'e f':\n    g: 3\n", "x.yaml", lines);
  std::string text;
  for (const KeyLine& key : lines) text += key.path + ":" + std::to_string(key.line) + " ";
  EXPECT_EQ(text, "a:1 b:3 b.c:4 b.e f:5 b.e f.g:6 ");
  // Paths that no setting has are not kept: a file of a megabyte could make gigabytes of them.
  const std::string name(200, 'n');
  parse_yaml(name + ":\n  " + name + ": 1\n", "x.yaml", lines);
  EXPECT_EQ(lines.size(), 1u);
}

}  // namespace
}  // namespace bascule
