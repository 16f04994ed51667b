// bascule/state.json: what was written is read again, and nothing else is.
#include "bridge/state.h"

#include "settings/tree.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

State state() {
  return {.family = "llama",
          .tool_version = "0.1.0",
          .shards = {{"model-00001-of-00002.safetensors", {"a", "b"}},
                     {"model-00002-of-00002.safetensors", {"c"}}},
          .metadata = {{"format", "pt"}},
          .ignored_keys = {"rope_scaling.finetuned"},
          .warnings = {"a sentence"}};
}

TEST(State, IsReadAsItWasWritten) {
  EXPECT_EQ(parse_state(to_json(state()), "s"), state());
  EXPECT_EQ(parse_state(to_json(State{}), "s"), State{});
}

TEST(State, NamesTheTensorsOfLargeModels) {
  State large = state();
  for (int i = 0; i < 100'000; ++i)
    large.shards[1].tensors.push_back("model.layers.60.mlp.experts." + std::to_string(i) +
                                      ".down_proj.weight");
  const std::string text = to_json(large);
  EXPECT_GT(text.size(), size_t{5} << 20);
  EXPECT_EQ(parse_state(text, "s"), large);
}

TEST(State, RefusesWhatItDidNotWrite) {
  const auto with = [](const char* key, const Tree& value) {
    Tree tree = parse_json(to_json(state()), "s");
    tree.set(key, value);
    return to_json(tree);
  };
  const auto shard = [](std::string name) {
    return Tree::map({{"file", std::move(name)}, {"tensors", Tree::list()}});
  };
  const auto shards = [&](const std::string& name) {
    return with("shards", Tree::list({shard(name)}));
  };
  struct Row {
    std::string json, part;
    Kind kind = Kind::format;
  };
  const Row rows[] = {
      {"", "no valid JSON"},
      {"[]", "a map of keys is needed"},
      {"{}", "key family is missing"},
      {with("version", 2), "version is 2", Kind::unsupported},
      {with("family", 1), "key family is an integer"},
      {with("warnings", "x"), "key warnings is a string"},
      {with("ignored_keys", Tree::list({1})), "key ignored_keys"},
      {with("metadata", Tree::list()), "key metadata must be a map"},
      {with("metadata", Tree::map({{"format", 1}})), "key metadata must map text to text"},
      {with("shards", "x"), "key shards must be a list"},
      {with("shards", Tree::list({"x"})), "a map of keys is needed"},
      {with("shards", Tree::list({Tree::map({{"file", "a.safetensors"}})})), "tensors is missing"},
      {shards("../a.safetensors"), "\"../a.safetensors\" is not the name of a shard"},
      {shards("/a.safetensors"), "is not the name of a shard"},
      {shards("..\\a.safetensors"), "is not the name of a shard"},
      {shards(".a.safetensors"), "is not the name of a shard"},
      {shards("config.json"), "is not the name of a shard"},
      {shards(""), "is not the name of a shard"},
      {shards(std::string("config.json\0.safetensors", 24)), "is not the name of a shard"},
      {shards(std::string(300, 'a') + ".safetensors"), "is not the name of a shard"},
      {with("shards", Tree::list({shard("a.safetensors"), shard("a.safetensors")})),
       "the shard a.safetensors is there twice"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.part);
    expect_error(row.kind, {"state.json", row.part}, [&] { parse_state(row.json, "state.json"); });
  }
  expect_error(Kind::format, {"more than the 33554432 allowed"},
               [] { parse_state(std::string(kStateLimit + 1, ' '), "s"); });
}

}  // namespace
}  // namespace bascule
