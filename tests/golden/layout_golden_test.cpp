// Our layouts against the bytes that real Megatron Bridge wrote.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "convert/verifier.h"
#include "golden/goldens.h"

namespace bascule {
namespace {

class LayoutGolden : public testing::TestWithParam<std::string> {};

/// deepseek_v3's expert bias is fp32, which Bridge rounds to bf16 on its way.
bool rounded_by_the_peer(const TensorReport& row) {
  return row.name.ends_with("expert_bias") && row.first_dtype == "float32";
}

TEST_P(LayoutGolden, EveryParameterIsWhereWeSayItIs) {
  const Golden golden = open_golden(GetParam());
  NullReporter quiet;
  const Report report =
      verify({&golden.slots, golden.hf.weights.get(), &golden.hf_names},
             {&golden.slots, golden.megatron.get(), &golden.megatron_names}, quiet, {});
  EXPECT_GE(report.tensors.size(), golden.slots.all().size());
  for (const TensorReport& row : report.tensors) {
    if (rounded_by_the_peer(row)) continue;
    EXPECT_EQ(row.verdict, TensorReport::Verdict::equal) << sentence(row);
  }
}

TEST_P(LayoutGolden, TheSameObjectsAreWritten) {
  const Golden golden = open_golden(GetParam());
  const auto ours = extra_states(golden.megatron_names);
  const std::vector<std::string> theirs = golden.megatron->objects();
  EXPECT_EQ(std::set<std::string>(ours.begin(), ours.end()),
            std::set<std::string>(theirs.begin(), theirs.end()));
  EXPECT_EQ(ours.size(), theirs.size());
}

INSTANTIATE_TEST_SUITE_P(Supported, LayoutGolden, testing::ValuesIn(kGoldens),
                         [](const auto& info) { return info.param; });
INSTANTIATE_TEST_SUITE_P(Planned, LayoutGolden, testing::ValuesIn(kPlannedGoldens),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace bascule
