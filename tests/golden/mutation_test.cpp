// Layouts are values: each wrong one must be told apart from what real Megatron Bridge wrote.
// (Round trips alone are blind to mistakes that both directions share.)
#include <gtest/gtest.h>

#include "bascule/error.h"
#include "convert/verifier.h"
#include "golden/goldens.h"
#include "golden/mutants.h"

namespace bascule {
namespace {

class Mutation : public testing::TestWithParam<std::string> {};

/// Whether the check against the golden tells these dialects from the true ones.
bool killed(const Golden& golden, const Dialect& megatron, const Dialect& hf) {
  NullReporter quiet;
  try {
    return !verify({&golden.slots, golden.hf.weights.get(), &hf},
                   {&golden.slots, golden.megatron.get(), &megatron}, quiet, {})
                .equal();
  } catch (const Error&) {
    return true;
  }
}

TEST_P(Mutation, EveryMutantIsKilled) {
  const Golden golden = open_golden(GetParam());
  ASSERT_FALSE(killed(golden, golden.megatron_names, golden.hf_names)) << "the truth must pass";
  int applied = 0;
  for (const Mutant& mutant : mutants()) {
    Dialect megatron = golden.megatron_names, hf = golden.hf_names;
    if (!mutant.change(megatron, hf)) continue;
    ++applied;
    EXPECT_TRUE(killed(golden, megatron, hf)) << GetParam() << ": " << mutant.name;
  }
  EXPECT_GE(applied, 10) << "mutants that apply to " << GetParam();
}

INSTANTIATE_TEST_SUITE_P(All, Mutation, testing::ValuesIn(kGoldens),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace bascule
