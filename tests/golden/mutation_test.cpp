// Layouts are values: each wrong one must be told apart from what real Megatron Bridge wrote.
// (Round trips alone are blind to mistakes that both directions share.)
#include <gtest/gtest.h>

#include "bascule/error.h"
#include "convert/verifier.h"
#include "families/run_config.h"
#include "golden/goldens.h"
#include "golden/mutants.h"

namespace bascule {
namespace {

class Mutation : public testing::TestWithParam<std::string> {};

/// Of the model that Bridge configured when it wrote the golden.
Norm norm_of_bridge(const Golden& golden) {
  const std::string file = "tests/golden/" + golden.name + "/megatron/iter_0000000/run_config.yaml";
  return read_run_config(text_of(file), file).model.arch.norm;
}

/// Whether the check against the golden tells this model and these dialects from the true ones: by
/// what Bridge wrote into run_config.yaml, or by the elements of tensors.
bool killed(const Golden& golden, const Dialect& megatron, const Dialect& hf, const Arch& arch) {
  NullReporter quiet;
  try {
    if (as_megatron_holds(*golden.config.family, arch).norm != norm_of_bridge(golden)) return true;
    return !verify({&golden.slots, golden.hf.weights.get(), &hf},
                   {&golden.slots, golden.megatron.get(), &megatron}, quiet, {})
                .equal();
  } catch (const Error&) {
    return true;
  }
}

TEST_P(Mutation, EveryMutantIsKilled) {
  const Golden golden = open_golden(GetParam());
  ASSERT_FALSE(killed(golden, golden.megatron_names, golden.hf_names, golden.config.arch))
      << "the truth must pass";
  int applied = 0;
  for (const Mutant& mutant : mutants()) {
    Dialect megatron = golden.megatron_names, hf = golden.hf_names;
    Arch arch = golden.config.arch;
    if (!mutant.change(megatron, hf, arch)) continue;
    ++applied;
    EXPECT_TRUE(killed(golden, megatron, hf, arch)) << GetParam() << ": " << mutant.name;
  }
  EXPECT_GE(applied, 10) << "mutants that apply to " << GetParam();
}

INSTANTIATE_TEST_SUITE_P(All, Mutation, testing::ValuesIn(kGoldens),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace bascule
