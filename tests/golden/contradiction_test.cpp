// What the two files that describe a model leave open, and where they contradict its weights.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <regex>

#include "bascule/bridge.h"
#include "base/file.h"
#include "golden/goldens.h"
#include "unit/base/expect_error.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

/// Copies of toys, whose files may be changed.
class Contradiction : public testing::Test {
 protected:
  Contradiction()
      : work_(fs::temp_directory_path() / ("bascule-contradiction-" + std::to_string(::getpid()))) {
    fs::create_directories(work_);
  }
  ~Contradiction() override { fs::remove_all(work_); }

  fs::path copied(const std::string& toy) const {
    fs::copy(fs::path("tests/golden") / toy, work_ / "toy", fs::copy_options::recursive);
    return work_ / "toy";
  }
  static void replace(const fs::path& file, const std::string& pattern, const std::string& by) {
    const std::string text = text_of(file);
    const std::string changed = std::regex_replace(text, std::regex(pattern), by);
    ASSERT_NE(changed, text);
    std::ofstream(file) << changed;
  }
  std::string out() const { return (work_ / "out").string(); }

  fs::path work_;
  NullReporter quiet_;
};

TEST_F(Contradiction, AConfigWithoutADtypeIsThatOfItsWeights) {
  const fs::path hf = copied("llama/hf");
  replace(hf / "config.json", "\\s*\"torch_dtype\": \"bfloat16\",", "");
  import_checkpoint(hf.string(), out(), {}, quiet_);
  const std::string said = text_of(work_ / "out/iter_0000000/run_config.yaml");
  EXPECT_NE(said.find("torch.bfloat16"), std::string::npos);
  export_checkpoint(out(), (work_ / "back").string(), {}, quiet_);
  EXPECT_EQ(text_of(work_ / "back/config.json"), text_of(hf / "config.json"));
}

TEST_F(Contradiction, RowsThatNoPaddingExplainsAreNotDropped) {
  const fs::path toy = copied("llama/megatron");
  replace(toy / "iter_0000000/run_config.yaml", "  vocab_size: 259", "  vocab_size: 200");
  expect_error(Kind::mismatch, "model.vocab_size is 200, padded to a multiple of 1, but",
               [&] { export_checkpoint(toy.string(), out(), {}, quiet_); });
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(Contradiction, LayersOfTwoKindsAreNotStacked) {
  const fs::path toy = copied("qwen3_moe/megatron");
  replace(toy / "iter_0000000/run_config.yaml", "  moe_layer_freq: 1", "  moe_layer_freq: 2");
  expect_error(Kind::mismatch, "model.moe_layer_freq mixes layers with experts and without",
               [&] { export_checkpoint(toy.string(), out(), {}, quiet_); });
}

}  // namespace
}  // namespace bascule
