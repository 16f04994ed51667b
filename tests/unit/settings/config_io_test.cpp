#include "settings/config_io.h"

#include "unit/expect_error.h"

namespace bascule {
namespace {

enum class Act { silu, gelu };
constexpr Spelling<Act> kActs[] = {{"silu", Act::silu}, {"swish", Act::silu}, {"gelu", Act::gelu}};

struct Settings {
  int64_t layers = 0, heads = 0, kv_heads = 0;
  double theta = 0, eps = 0;
  bool tied = false;
  std::string name;
  Act act = Act::silu;
  std::optional<int64_t> window;
  std::vector<int64_t> sparse;
  std::vector<std::string> types;
  double factor = 1;
  bool operator==(const Settings&) const = default;

  void io(ConfigIo& io) {
    io("layers", layers);
    io("heads", heads);
    io("kv_heads", kv_heads, heads);
    io("theta", theta, 10000.0);
    io("eps", eps);
    io("tied", tied, false);
    io("name", name, "none");
    io.choice("act", act, kActs, Act::silu);
    io("window", window, 4096);
    io("sparse", sparse, {});
    io("types", types, {"a"});
    io.constant("bias", false);
    io.neutral("dropout", {0.0});
    io.section("rope", [&](ConfigIo& inner) { inner("factor", factor); });
    io.known({"use_cache", "comment"});
  }
};

Settings read(const std::string& json) {
  const Tree tree = parse_json(json, "c.json");
  ConfigIo io = ConfigIo::reader(tree, "c.json");
  Settings settings;
  settings.io(io);
  return settings;
}

TEST(ConfigIo, ReadsValuesAndDefaults) {
  const Settings least = read(R"({"layers": 2, "heads": 4, "eps": 1})");
  EXPECT_EQ(least.kv_heads, 4);
  EXPECT_EQ(least.theta, 10000.0);
  EXPECT_EQ(least.eps, 1.0);
  EXPECT_EQ(least.name, "none");
  EXPECT_EQ(least.window, 4096);
  EXPECT_EQ(least.types, std::vector<std::string>{"a"});
  const Settings most = read(
      R"({"layers": 2, "heads": 4, "kv_heads": null, "eps": 1e-6, "theta": 500000, "tied": true,
          "name": "x", "act": "swish", "window": null, "sparse": [3, 5], "types": [],
          "bias": false, "dropout": 0, "rope": {"factor": 8.0}, "use_cache": true})");
  EXPECT_EQ(most.kv_heads, 4);
  EXPECT_EQ(most.theta, 500000.0);
  EXPECT_TRUE(most.tied);
  EXPECT_EQ(most.act, Act::silu);
  EXPECT_FALSE(most.window);
  EXPECT_EQ(most.sparse, (std::vector<int64_t>{3, 5}));
  EXPECT_TRUE(most.types.empty());
  EXPECT_EQ(most.factor, 8.0);
}

TEST(ConfigIo, WritesWhatItReads) {
  Settings settings = read(R"({"layers": 2, "heads": 4, "eps": 1e-6, "act": "gelu",
                               "rope": {"factor": 2.0}, "window": null})");
  Tree tree;
  ConfigIo writer = ConfigIo::writer(tree);
  settings.io(writer);
  EXPECT_EQ(to_json(tree, {.indent = -1}),
            R"({"layers": 2, "heads": 4, "kv_heads": 4, "theta": 10000.0, "eps": 1e-06, )"
            R"("tied": false, "name": "none", "act": "gelu", "window": null, "sparse": [], )"
            R"("types": ["a"], "bias": false, "rope": {"factor": 2.0}})");
  EXPECT_EQ(read(to_json(tree)), settings);
}

TEST(ConfigIo, NamesKeysThatNobodyAskedFor) {
  const Tree tree = parse_json(
      R"({"odd": 1, "layers": 2, "heads": 4, "eps": 1, "rope": {"factor": 1, "kind": "x"},
          "comment": {"any": "thing"}, "late": null})",
      "c.json");
  ConfigIo io = ConfigIo::reader(tree, "c.json");
  Settings settings;
  settings.io(io);
  const auto unread = io.unread();
  ASSERT_EQ(unread.size(), 3u);
  EXPECT_EQ(unread[0].path, "odd");
  EXPECT_EQ(unread[1].path, "rope.kind");
  EXPECT_EQ(unread[1].value->string(), "x");
  EXPECT_EQ(unread[2].path, "late");
}

TEST(ConfigIo, RefusesWrongValues) {
  const std::string rest = R"("layers": 2, "heads": 4, "eps": 1)";
  struct Case {
    std::string json;
    Kind kind;
    std::string part;
  };
  const Case cases[] = {
      {"[1]", Kind::format, "a list where a map of keys is needed"},
      {"3", Kind::format, "an integer where a map"},
      {R"({"layer": 2, "heads": 4, "eps": 1})", Kind::format,
       "key layers is missing; did you mean layer?"},
      {R"({"layers": null, "heads": 4, "eps": 1})", Kind::format, "key layers is missing"},
      {R"({"layers": "2", "heads": 4, "eps": 1})", Kind::format,
       "key layers is a string (\"2\"), but must be an integer"},
      {R"({"layers": 2.0, "heads": 4, "eps": 1})", Kind::format,
       "key layers is a number (2.0), but must be an integer"},
      {R"({"layers": true, "heads": 4, "eps": 1})", Kind::format,
       "key layers is a boolean (true), but must be an integer"},
      {R"({"layers": 2, "heads": 4, "eps": "1e-6"})", Kind::format,
       "key eps is a string (\"1e-6\"), but must be a number"},
      {R"({"layers": 2, "heads": 4, "eps": true})", Kind::format, "but must be a number"},
      {"{" + rest + R"(, "tied": 1})", Kind::format, "but must be a boolean"},
      {"{" + rest + R"(, "tied": "false"})", Kind::format, "but must be a boolean"},
      {"{" + rest + R"(, "name": 5})", Kind::format, "but must be a string"},
      {"{" + rest + R"(, "sparse": 5})", Kind::format, "but must be a list"},
      {"{" + rest + R"(, "sparse": [1, "a"]})", Kind::format, "key sparse is a string"},
      {"{" + rest + R"(, "window": "all"})", Kind::format, "but must be an integer"},
      {"{" + rest + R"(, "rope": 5})", Kind::format,
       "key rope is an integer (5), but must be a map"},
      {"{" + rest + R"(, "rope": {}})", Kind::format, "key rope.factor is missing"},
      {"{" + rest + R"(, "rope": {"factor": []}})", Kind::format, "key rope.factor is a list"},
      {"{" + rest + R"(, "act": 5})", Kind::format, "key act is an integer (5)"},
      {"{" + rest + R"(, "act": "gellu"})", Kind::unsupported,
       "act is \"gellu\": known are silu, swish, gelu; did you mean gelu?"},
      {"{" + rest + R"(, "bias": true})", Kind::unsupported,
       "bias is true: only false is supported"},
      {"{" + rest + R"(, "bias": 0})", Kind::unsupported, "bias is 0: only false is supported"},
      {"{" + rest + R"(, "dropout": 0.1})", Kind::unsupported,
       "dropout is 0.1: only 0.0 is supported"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.json);
    expect_error(c.kind, {"c.json", c.part}, [&] { read(c.json); });
  }
}

TEST(ConfigIo, RefusesToWriteAValueWithoutAName) {
  Tree tree;
  ConfigIo io = ConfigIo::writer(tree, "out.json");
  Act act = static_cast<Act>(7);
  expect_error(Kind::unsupported, {"out.json", "no value of the key act"},
               [&] { io.choice("act", act, kActs); });
}

TEST(ConfigIo, SaysOtherNamesInMessages) {
  const Tree tree = parse_json(R"({"model": {"experts": "8"}})", "f.pt");
  ConfigIo all = ConfigIo::reader(tree, "f.pt", {{"experts", "num_experts"}});
  const auto read = [&](std::string_view key) {
    all.section("model", [&](ConfigIo& io) {
      int64_t experts = 0;
      io(key, experts);
    });
  };
  expect_error(Kind::format, {"f.pt: key model.num_experts is a string"}, [&] { read("experts"); });
  expect_error(Kind::format, {"f.pt: key model.layers is missing"}, [&] { read("layers"); });
  ASSERT_EQ(all.unread().size(), 0u);
}

TEST(ConfigIo, ReadsFiniteNumbersOnly) {
  for (const char* number : {".inf", "-.inf", ".nan"}) {
    const Tree tree = parse_yaml(std::string("theta: ") + number, "f.yaml");
    ConfigIo io = ConfigIo::reader(tree, "f.yaml");
    double theta = 0;
    expect_error(Kind::format, {"f.yaml: key theta is ", "no finite number"},
                 [&] { io("theta", theta); });
  }
}

}  // namespace
}  // namespace bascule
