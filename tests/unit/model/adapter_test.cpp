// Low-rank adapters of fused projections. W + B A, packed, is what packing W and B gives: a layout
// moves rows, and the rows of B A are the rows of B, times A.
#include <gtest/gtest.h>

#include <map>

#include "bascule/error.h"
#include "model/layout.h"

namespace bascule {
namespace {

constexpr int64_t kRank = 2, kHidden = 6, kGroups = 2;

/// Four heads of queries and two of keys and values, three wide; o has columns for the queries.
Slots attention() {
  Slots slots;
  for (const auto& [id, rows] : {std::pair{"q", 12}, {"k", 6}, {"v", 6}})
    slots.add({.id = id, .shape = {rows, kHidden}, .split = 0, .group = Group::tensor});
  slots.add({.id = "o", .shape = {kHidden, 12}, .split = 1, .group = Group::tensor});
  return slots;
}

const Layout kQkv = interleave(kGroups, {"q", "k", "v"});
const char* const kFused[] = {"q", "k", "v"};

/// The adapters' slots of q, k, v and o beside the weights themselves.
Slots with_adapters() {
  const Slots weights = attention();
  Slots all = attention();
  for (const Slot& weight : weights.all()) {
    const AdapterSlots adapter = adapter_slots(weight, kRank);
    for (const Slot& slot : {adapter.a, adapter.b, adapter.magnitude}) all.add(slot);
  }
  return all;
}

using Matrix = std::vector<std::vector<int64_t>>;

Matrix numbered(int64_t rows, int64_t columns, int64_t seed) {
  Matrix matrix(static_cast<size_t>(rows), std::vector<int64_t>(static_cast<size_t>(columns)));
  for (auto& row : matrix)
    for (int64_t& value : row) value = (seed = (seed * 75 + 74) % 65537) % 19 - 9;
  return matrix;
}

Matrix product(const Matrix& b, const Matrix& a) {
  Matrix out(b.size(), std::vector<int64_t>(a[0].size(), 0));
  for (size_t i = 0; i < b.size(); ++i)
    for (size_t j = 0; j < a[0].size(); ++j)
      for (size_t r = 0; r < a.size(); ++r) out[i][j] += b[i][r] * a[r][j];
  return out;
}

/// The stored tensor of a layout, from a matrix for each slot.
Matrix packed(const Layout& layout, const Slots& slots, const std::map<std::string, Matrix>& values,
              const Shards& shards = {}) {
  const Packed there = layout.pack(slots, shards);
  Matrix out(static_cast<size_t>(there.shape[0]),
             std::vector<int64_t>(static_cast<size_t>(there.shape[1]), INT64_MIN));
  for (const Piece& piece : there.pieces)
    for (const Run& rows : unfolded(piece.dims[0].runs))
      for (int64_t i = 0; i < rows.length; ++i)
        for (const Run& columns : unfolded(piece.dims[1].runs))
          for (int64_t j = 0; j < columns.length; ++j)
            out.at(static_cast<size_t>(rows.to + i)).at(static_cast<size_t>(columns.to + j)) =
                values.at(piece.slot)
                    .at(static_cast<size_t>(rows.from + i))
                    .at(static_cast<size_t>(columns.from + j));
  return out;
}

TEST(Adapter, HasTheShapesOfAFusedProjection) {
  const Slots slots = with_adapters();
  EXPECT_EQ(slots.find("q.lora_a")->shape, (Shape{kRank, kHidden}));
  EXPECT_EQ(slots.find("k.lora_a")->shape, (Shape{kRank, kHidden}));  // so one can serve all three
  EXPECT_EQ(slots.find("v.lora_b")->shape, (Shape{6, kRank}));
  EXPECT_EQ(slots.find("v.magnitude")->shape, (Shape{6}));
  EXPECT_EQ(kQkv.renamed("", ".lora_b").pack(slots).shape, (Shape{24, kRank}));
  EXPECT_EQ(kQkv.renamed("", ".magnitude").pack(slots).shape, (Shape{24}));
  EXPECT_EQ(kQkv.renamed("", ".lora_b").pack(slots).padding(), 0);
}

TEST(Adapter, IsCutAsItsProjectionIs) {
  const Slots slots = with_adapters();
  for (const char* id : kFused) {
    const std::string name = id;
    EXPECT_EQ(slots.find(name + ".lora_a")->split, -1) << id;  // every rank has it whole
    EXPECT_EQ(slots.find(name + ".lora_a")->group, Group::none) << id;
    EXPECT_EQ(slots.find(name + ".lora_b")->split, 0) << id;
    EXPECT_EQ(slots.find(name + ".lora_b")->group, Group::tensor) << id;
    EXPECT_EQ(slots.find(name + ".magnitude")->split, 0) << id;
  }
  EXPECT_EQ(slots.find("o.lora_a")->split, 1);
  EXPECT_EQ(slots.find("o.lora_a")->group, Group::tensor);
  EXPECT_EQ(slots.find("o.lora_b")->split, -1);
  EXPECT_EQ(slots.find("o.magnitude")->group, Group::none);
}

TEST(Adapter, BeginsAsNothing) {
  const AdapterSlots adapter = adapter_slots(*attention().find("q"), kRank);
  EXPECT_EQ(adapter.b.init, Slot::Init::zero);
  EXPECT_EQ(adapter.a.init, Slot::Init::normal);
  EXPECT_FALSE(adapter.magnitude.decay);
}

TEST(Adapter, OfFusedQueriesKeysAndValuesIsTheFusedAdapter) {
  const Slots slots = with_adapters();
  const Matrix shared = numbered(kRank, kHidden, 5);
  std::map<std::string, Matrix> values;
  for (const char* id : kFused) {
    const Slot& b = *slots.find(std::string(id) + ".lora_b");
    values[b.id] = numbered(b.shape[0], kRank, id[0]);
    values[id] = product(values[b.id], shared);  // the change of the weight
  }
  const Layout fused_b = kQkv.renamed("", ".lora_b");
  EXPECT_EQ(packed(kQkv, slots, values), product(packed(fused_b, slots, values), shared));
  // On the ranks of any tensor-parallel size, more than there are groups included.
  for (const int64_t size : {2, 4})
    for (int64_t rank = 0; rank < size; ++rank) {
      const Shards shards{.tensor = {rank, size}};
      EXPECT_EQ(packed(kQkv, slots, values, shards),
                product(packed(fused_b, slots, values, shards), shared))
          << rank << " of " << size;
    }
}

TEST(Adapter, OfARowParallelProjectionIsASumOverRanks) {
  const Slots slots = with_adapters();
  const Matrix b = numbered(kHidden, kRank, 3);
  std::map<std::string, Matrix> values{{"o.lora_a", numbered(kRank, 12, 4)}};
  values["o"] = product(b, values["o.lora_a"]);
  for (int64_t rank = 0; rank < 4; ++rank) {
    const Shards shards{.tensor = {rank, 4}};
    EXPECT_EQ(packed("o", slots, values, shards),
              product(b, packed("o.lora_a", slots, values, shards)))
        << rank;
  }
}

TEST(Adapter, IsOfAMatrix) {
  const Slot bias{.id = "q.bias", .shape = {12}, .split = 0, .group = Group::tensor};
  const Slot kernel{.id = "conv", .shape = {6, 1, 4}};
  for (const Slot& slot : {bias, kernel}) try {
      adapter_slots(slot, kRank);
      FAIL() << slot.id;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::unsupported);
      EXPECT_NE(std::string(error.what()).find(slot.id), std::string::npos);
    }
}

}  // namespace
}  // namespace bascule
