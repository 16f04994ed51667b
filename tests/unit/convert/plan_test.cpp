#include "convert/plan.h"

#include <gtest/gtest.h>

#include <map>

#include "bascule/error.h"
#include "convert/executor.h"
#include "toys/toys.h"

namespace bascule {
namespace {

/// Runs a plan in memory; the result of rank r is element r.
std::vector<MemorySource> moved(const Plan& plan, const std::vector<MemorySource>& from,
                                size_t ranks) {
  std::vector<const TensorSource*> sources;
  sources.reserve(from.size());
  for (const MemorySource& source : from) sources.push_back(&source);
  const Gather gather(plan, sources);
  std::vector<MemorySource> to(ranks);
  for (size_t i = 0; i < plan.to.size(); ++i) {
    const PlanTensor& tensor = plan.to[i];
    to[static_cast<size_t>(tensor.rank)].add({tensor.name, DType::u32, tensor.shape},
                                             gathered(gather, i, tensor.shape, DType::u32));
  }
  return to;
}

std::vector<MemorySource> one(MemorySource source) {
  std::vector<MemorySource> all;
  all.push_back(std::move(source));
  return all;
}

/// What each rank of a mesh holds.
struct Ranks {
  std::vector<Dialect> dialects;
  std::vector<Place> places;

  Ranks(const Arch& arch, const Slots& slots, const Mesh& mesh) {
    for (int64_t r = 0; r < mesh.world(); ++r)
      dialects.push_back(megatron_local(arch, slots, mesh, r, {.vocab_multiple = 8 * mesh.tp}));
    for (int64_t r = 0; r < mesh.world(); ++r)
      places.push_back({r, &dialects[static_cast<size_t>(r)], place(mesh, r).shards});
  }
};

void expect_same(const MemorySource& a, const MemorySource& b) {
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (size_t i = 0; i < a.tensors().size(); ++i) {
    EXPECT_EQ(a.tensors()[i].name, b.tensors()[i].name);
    EXPECT_EQ(a.tensors()[i].shape, b.tensors()[i].shape) << a.tensors()[i].name;
    EXPECT_TRUE(a.data(i) == b.data(i)) << a.tensors()[i].name;
  }
}

TEST(Plan, GoesThereAndBack) {
  const Arch arch = toys::mixture();
  const Slots all = slots(arch);
  const Dialect order = canonical(all);
  const Dialect file = megatron(arch, all, {.vocab_multiple = 10, .stacked = true});
  const Plan there = plan(all, order, file);
  const auto source = one(toys::random_source(all, order, 1));
  const auto stored = moved(there, source, 1);
  const auto back = moved(reversed(there), stored, 1);
  expect_same(source[0], back[0]);
}

TEST(Plan, StackedAndSingleLayersHoldTheSame) {
  const Arch arch = toys::dense();
  const Slots all = slots(arch);
  const Dialect order = canonical(all);
  const auto source = one(toys::random_source(all, order, 2));
  const Dialect stacked = megatron(arch, all, {.stacked = true});
  const Dialect single = megatron(arch, all, {.stacked = false});
  const auto via_stacked =
      moved(plan(all, stacked, single), moved(plan(all, order, stacked), source, 1), 1);
  expect_same(via_stacked[0], moved(plan(all, order, single), source, 1)[0]);
}

TEST(Plan, BetweenMeshesEqualsThroughTheFile) {
  const Arch arch = toys::mixture();
  const Slots all = slots(arch);
  const Dialect file = megatron(arch, all, {.vocab_multiple = 32, .stacked = true});
  const Place disk{0, &file, {}};
  const auto stored = one(toys::random_source(all, canonical(all), 3));
  const auto on_disk = moved(plan(all, canonical(all), file), stored, 1);

  const Mesh a{.tp = 2, .ep = 2}, b{.tp = 4, .pp = 2};
  const Ranks from(arch, all, a), to(arch, all, b);
  const auto before =
      moved(plan(all, std::span(&disk, 1), from.places), on_disk, from.places.size());
  const auto direct = moved(plan(all, from.places, to.places), before, to.places.size());
  const auto through = moved(plan(all, std::span(&disk, 1), to.places), on_disk, to.places.size());
  ASSERT_EQ(direct.size(), 8u);
  for (size_t r = 0; r < direct.size(); ++r) expect_same(direct[r], through[r]);
}

TEST(Plan, PrefersWhatTheRankItselfHolds) {
  const Arch arch = toys::dense();
  const Slots all = slots(arch);
  const Ranks ranks(arch, all, {.tp = 2});
  const Plan same = plan(all, ranks.places, ranks.places);
  for (const Copy& copy : same.copies) EXPECT_EQ(same.from[copy.from].rank, same.to[copy.to].rank);
}

TEST(Plan, LeavesTheTiedEmbeddingOnBothEnds) {
  Arch arch = toys::dense();
  arch.tied = true;
  const Slots all = slots(arch);
  const Ranks ranks(arch, all, {.pp = 2});
  EXPECT_NE(ranks.dialects[0].find("embedding.word_embeddings.weight"), nullptr);
  EXPECT_EQ(ranks.dialects[0].find("output_layer.weight"), nullptr);
  EXPECT_NE(ranks.dialects[1].find("output_layer.weight"), nullptr);
  EXPECT_EQ(ranks.dialects[1].find("embedding.word_embeddings.weight"), nullptr);
}

TEST(Plan, SaysWhatIsMissing) {
  const Arch arch = toys::dense();
  const Slots all = slots(arch);
  const Dialect order = canonical(all);
  Dialect less = order;
  less.bindings.erase(less.bindings.begin());
  try {
    plan(all, less, megatron(arch, all, {}));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), Kind::mismatch);
    EXPECT_NE(e.message().find("embed"), std::string::npos) << e.message();
  }
}

TEST(Plan, PrintsItsCopies) {
  const Arch arch = toys::dense(1);
  const Slots all = slots(arch);
  const Plan p = plan(all, canonical(all), megatron(arch, all, {.stacked = true}));
  for (const Copy& copy : p.copies)
    if (const std::string& slot = all.all()[copy.slot].id; slot == "layers.0.attn.k") {
      EXPECT_EQ(copy.str(slot, p.from[copy.from], p.to[copy.to]),
                "layers.0.attn.k: layers.0.attn.k[0:4 (x2 every 4), 0:16] -> "
                "decoder.layers.self_attention.linear_qkv.weight[0, 8:12 (x2 every 16), 0:16]");
      return;
    }
  FAIL();
}

TEST(Plan, KeepsVirtualStagesApart) {
  const Arch arch = toys::dense(8);
  const Slots all = slots(arch);
  const Mesh mesh{.pp = 2, .vpp = 2};
  const Ranks ranks(arch, all, mesh);
  // Stage 1 holds layers 2, 3 as its first chunk and 6, 7 as its second.
  const Binding* row = ranks.dialects[1].find("model1.decoder.layers.0.mlp.linear_fc2.weight");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->layout.str(), "layers.6.mlp.down");
}

}  // namespace
}  // namespace bascule
