// A checkpoint as plain Megatron-LM leaves it: a golden's weights, its arguments in common.pt.
#include <gtest/gtest.h>

#include "bascule/bridge.h"
#include "bridge/opened.h"
#include "golden/goldens.h"
#include "unit/base/temporary_directory.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

class MegatronLmGolden : public testing::Test {
 protected:
  MegatronLmGolden() {
    fs::copy("tests/golden/llama/megatron", root(), fs::copy_options::recursive);
    fs::remove(iteration() / "run_config.yaml");
    fs::copy_file("tests/golden/megatron_lm/llama.pt", iteration() / "common.pt",
                  fs::copy_options::overwrite_existing);
  }
  fs::path root() const { return work_ / "ck"; }
  fs::path iteration() const { return root() / "iter_0000000"; }
  std::string out() const { return (work_ / "hf").string(); }

  TemporaryDirectory work_;
  NullReporter quiet_;
  Options options_;
};

TEST_F(MegatronLmGolden, IsTheModelThatItWasMadeOf) {
  options_.family = "llama";
  const Outcome outcome = export_checkpoint(root().string(), out(), options_, quiet_);
  EXPECT_TRUE(outcome.verified);
  const Opened made = open_hf(out(), options_), golden = open_hf("tests/golden/llama/hf", options_);
  EXPECT_TRUE(made.arch == golden.arch);
  EXPECT_EQ(made.dtype, golden.dtype);
}

TEST_F(MegatronLmGolden, EqualsTheModelWhichTellsItsFamily) {
  const Report report =
      verify_checkpoints("tests/golden/llama/hf", root().string(), options_, quiet_);
  EXPECT_TRUE(report.equal());
  EXPECT_TRUE(report.difference.empty()) << report.difference;
}

TEST_F(MegatronLmGolden, LeavesItsFamilyOpen) {
  expect_error(Kind::unsupported,
               {"common.pt does not say which family this model is of", "one of: llama, mistral"},
               [&] { inspect(root().string(), options_); });
  options_.family = "qwen3";
  expect_error(Kind::user, {"common.pt is not of family qwen3, but of one of: llama, mistral"},
               [&] { inspect(root().string(), options_); });
}

TEST_F(MegatronLmGolden, CountsForNothingBesideARunConfig) {
  fs::copy_file("tests/golden/llama/megatron/iter_0000000/run_config.yaml",
                iteration() / "run_config.yaml");
  EXPECT_EQ(inspect(root().string(), options_).family, "llama");
}

TEST_F(MegatronLmGolden, SaysWhatIsMissingWithoutArguments) {
  fs::copy_file("tests/golden/llama/megatron/iter_0000000/common.pt", iteration() / "common.pt",
                fs::copy_options::overwrite_existing);
  options_.family = "llama";
  expect_error(Kind::unsupported,
               {iteration().string(), "neither a run_config.yaml", "Megatron-LM's args",
                "copy run_config.yaml from"},
               [&] { inspect(root().string(), options_); });
}

}  // namespace
}  // namespace bascule
