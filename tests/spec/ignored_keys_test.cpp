// Keys of config.json that are to be ignored, and may or may not be.
#include <gtest/gtest.h>

#include "families/hf_config.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

HfConfig read_ignoring(const std::string& more, const std::vector<std::string>& ignore) {
  Tree tree = parse_json(R"({"architectures": ["LlamaForCausalLM"], "vocab_size": 259,
      "hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 6,
      "num_key_value_heads": 2, "intermediate_size": 152, "max_position_embeddings": 512})",
                         "toy.json");
  const Tree changes = parse_json(more, "more.json");
  for (const Tree::Entry& entry : changes.entries()) tree.set(entry.key, entry.value);
  return read_hf_config(to_json(tree), "toy.json", ignore);
}

TEST(Config, KeysThatSayTheModelCannotBeIgnored) {
  const struct {
    const char *keys, *ignored;
  } refused[] = {
      {R"({"rope_theta": 50000.0})", "rope_theta"},
      {R"({"rope_scaling": {"type": "linear", "factor": 2}})", "rope_scaling"},
      {R"({"rope_parameters": {"rope_type": "default", "rope_theta": 6}})",
       "rope_parameters.rope_theta"},
      {R"({"tie_word_embeddings": true})", "tie_word_embeddings"},
      {R"({"head_dim": 32})", "head_dim"},
  };
  for (const auto& row : refused) {
    const std::string ignored = row.ignored;
    expect_error(Kind::user,
                 {"toy.json: ", ignored + "\" is read by llama and would change the model"},
                 [&] { read_ignoring(row.keys, {ignored}); });
    // Whatever else is ignored.
    std::string keys = row.keys;
    keys.insert(1, R"("odd": 3, "attention_dropout": 0.1, )");
    expect_error(Kind::user, {"toy.json: ", ignored + "\" is read by llama"}, [&] {
      read_ignoring(keys, {"odd", ignored, "attention_dropout"});
    });
  }
  // What they say is read without them, too, or is of no model.
  EXPECT_NO_THROW(read_ignoring(R"({"rope_theta": 10000.0})", {"rope_theta"}));
  EXPECT_NO_THROW(read_ignoring(R"({"attention_dropout": 0.1})", {"attention_dropout"}));
  EXPECT_EQ(
      read_ignoring(
          R"({"rope_theta": 6, "rope_parameters": {"rope_theta": 6, "rope_type": "default"}})",
          {"rope_theta"})
          .arch.rope.theta,
      6);
}

}  // namespace
}  // namespace bascule
