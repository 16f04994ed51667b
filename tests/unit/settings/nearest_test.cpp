#include "settings/nearest.h"

#include <gtest/gtest.h>

namespace bascule {
namespace {

TEST(Nearest, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("abc", "abd"), 1u);
  EXPECT_EQ(edit_distance("abc", "acb"), 1u);
  EXPECT_EQ(edit_distance("abc", "xabc"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Nearest, FindsWhatWasMeant) {
  const std::vector<std::string> names = {"LlamaForCausalLM", "Qwen2ForCausalLM",
                                          "Qwen3ForCausalLM"};
  EXPECT_EQ(nearest("LLaMAForCausalLM", names), "LlamaForCausalLM");
  EXPECT_EQ(nearest("Qwen3ForCasualLM", names), "Qwen3ForCausalLM");
  EXPECT_EQ(did_you_mean("LamaForCausalLM", names), "; did you mean LlamaForCausalLM?");
}

TEST(Nearest, SaysNothingWhenAllAreFar) {
  EXPECT_EQ(nearest("zzz", {"llama", "mistral"}), "");
  EXPECT_EQ(nearest("", {"a"}), "");
  EXPECT_EQ(nearest("abc", {}), "");
  EXPECT_EQ(nearest(std::string(100000, 'a'), {std::string(100000, 'b')}), "");
  EXPECT_EQ(did_you_mean("zzz", {"llama"}), "");
}

}  // namespace
}  // namespace bascule
