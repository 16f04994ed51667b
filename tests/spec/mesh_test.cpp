// Over every family and every valid mesh of a small grid: a plan writes each element exactly once,
// nothing is unnamed, and what a mesh of ranks holds goes back into the file whole.
#include <gtest/gtest.h>

#include <algorithm>

#include "bascule/error.h"
#include "convert/plan.h"
#include "golden/goldens.h"

namespace bascule {
namespace {

/// The model of a toy with sizes that many meshes divide, four layers of the toy's kinds.
Arch small(Arch arch) {
  arch.hidden = 16;
  arch.vocab = 26;
  arch.layers.resize(4, arch.layers.back());
  for (Layer& layer : arch.layers) {
    if (Gqa* gqa = std::get_if<Gqa>(&layer.mixer)) {
      const bool grouped = gqa->kv_heads != gqa->heads;
      gqa->heads = 8;
      gqa->kv_heads = grouped ? 2 : 8;  // fewer than the most ranks
      gqa->head_dim = 4;
    }
    if (Mlp* mlp = std::get_if<Mlp>(&layer.feed_forward)) mlp->width = 8;
    if (Moe* moe = std::get_if<Moe>(&layer.feed_forward)) {
      moe->experts = 4;
      moe->width = 8;
    }
  }
  return arch;
}

/// How often a plan writes each element of target `to`.
std::vector<int> writes(const Plan& plan, size_t to) {
  const Shape& shape = plan.to[to].shape;
  const Shape steps = strides(shape);
  std::vector<int> counts(static_cast<size_t>(elements(shape)), 0);
  for (const Copy& copy : plan.into(to)) {
    std::vector<int64_t> at = {0};
    for (size_t d = 0; d < shape.size(); ++d) at[0] += copy.to_at[d] * steps[d];
    for (const Copy::Dim& dim : copy.dims) {
      std::vector<int64_t> wider;
      for (const int64_t base : at)
        for (const Run& run : unfolded(dim.runs))
          for (int64_t i = 0; i < run.length; ++i)
            wider.push_back(base + (run.to + i) * steps[static_cast<size_t>(dim.to)]);
      at = std::move(wider);
    }
    for (const int64_t element : at) ++counts.at(static_cast<size_t>(element));
  }
  return counts;
}

void expect_once(const Plan& plan) {
  for (size_t to = 0; to < plan.to.size(); ++to) {
    const std::vector<int> counts = writes(plan, to);
    const auto once = std::ranges::count(counts, 1), never = std::ranges::count(counts, 0);
    ASSERT_EQ(never, plan.to[to].padding) << plan.to[to].name;
    ASSERT_EQ(once + never, static_cast<std::ptrdiff_t>(counts.size())) << plan.to[to].name;
  }
}

class MeshSpec : public testing::TestWithParam<std::string> {};

TEST_P(MeshSpec, EveryElementIsWrittenExactlyOnce) {
  const HfConfig config = read_hf_config(text_of("tests/golden/" + GetParam() + "/hf/config.json"),
                                         "config.json", {}, true);
  const Arch arch = small(config.arch);
  const Slots all = slots(arch);
  const Dialect hf = hf_dialect(*config.family, arch, all);
  const MegatronForm form = usual_form(arch);
  const Dialect file = megatron(arch, all, form);
  expect_once(plan(all, hf, file));
  expect_once(plan(all, file, hf));

  const Place hf_place{0, &hf, {}}, file_place{0, &file, {}};
  int meshes = 0;
  for (const int64_t tp : {1, 2, 4})
    for (const int64_t pp : {1, 2, 4})
      for (const int64_t vpp : {1, 2})
        for (const int64_t ep : {1, 2})
          for (const int64_t etp : {1, 2}) {
            const Mesh mesh{.tp = tp, .pp = pp, .vpp = vpp, .ep = ep, .etp = etp};
            try {
              check(mesh, arch);
            } catch (const Error&) {
              continue;  // not a mesh for this model
            }
            SCOPED_TRACE(testing::Message() << "tp " << tp << " pp " << pp << " vpp " << vpp
                                            << " ep " << ep << " etp " << etp);
            std::vector<Dialect> dialects;
            std::vector<Place> places;
            const MegatronForm padded{.vocab_multiple = 8 * tp};
            for (int64_t rank = 0; rank < mesh.world(); ++rank)
              dialects.push_back(megatron_local(arch, all, mesh, rank, padded));
            for (int64_t rank = 0; rank < mesh.world(); ++rank)
              places.push_back(
                  {rank, &dialects[static_cast<size_t>(rank)], place(mesh, rank).shards});
            expect_once(plan(all, std::span(&hf_place, 1), places));
            expect_once(plan(all, places, std::span(&file_place, 1)));
            ++meshes;
          }
  EXPECT_GE(meshes, 20);
}

INSTANTIATE_TEST_SUITE_P(All, MeshSpec, testing::ValuesIn(kGoldens),
                         [](const auto& info) { return info.param; });
INSTANTIATE_TEST_SUITE_P(Planned, MeshSpec, testing::Values("gpt_oss"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace bascule
