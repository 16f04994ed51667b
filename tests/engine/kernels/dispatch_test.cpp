// Who goes to which expert, by hand, and what is carried there and back.
#include "kernels/dispatch.h"

#include "engine/by_autograd.h"
#include "kernels/grouped.h"

namespace bascule {
namespace {

using at::Tensor;

Tensor whole(const std::vector<int64_t>& values, at::ScalarType type) {
  return at::tensor(values, at::TensorOptions(at::kLong)).to(type);
}

/// Four tokens, two choices each, among five experts of which 1 and 4 get none.
Routing four_tokens() {
  Routing routing;
  routing.experts = whole({2, 0, 0, 3, 3, 2, 2, 0}, at::kLong).view({4, 2});
  routing.weights = random_tensor({4, 2}, 1);
  return routing;
}

TEST(Dispatch, KeepsTheOrderOfAnExpertsEntries) {
  const Dispatch way = dispatch(four_tokens(), 5);
  EXPECT_TRUE(at::equal(way.ends, whole({3, 3, 6, 8, 8}, at::kInt)));
  EXPECT_TRUE(at::equal(way.entries, whole({1, 2, 7, 0, 5, 6, 3, 4}, at::kInt)));
  EXPECT_TRUE(at::equal(way.rows.flatten(), whole({3, 0, 1, 6, 7, 4, 5, 2}, at::kInt)));
}

TEST(Dispatch, PutsLastWhatNoExpertTakes) {
  Routing routing = four_tokens();
  routing.kept = at::ones({4, 2}, at::TensorOptions(at::kBool));
  for (const int64_t dropped : {1, 4}) routing.kept.view({-1})[dropped] = false;
  const Dispatch way = dispatch(routing, 5);
  EXPECT_TRUE(at::equal(way.ends, whole({2, 2, 5, 6, 6}, at::kInt)));
  EXPECT_TRUE(at::equal(way.entries, whole({2, 7, 0, 5, 6, 3, 1, 4}, at::kInt)));
  EXPECT_TRUE(at::equal(way.rows.flatten(), whole({2, 6, 0, 5, 7, 3, 4, 1}, at::kInt)));
}

TEST(Dispatch, CarriesRowsThereAndBack) {
  Routing routing = four_tokens();
  routing.kept = whole({1, 1, 1, 0, 1, 1, 0, 0}, at::kBool).view({4, 2});
  const Dispatch way = dispatch(routing, 5);
  const Tensor tokens = random_tensor({4, 3}, 2);
  Tensor rows = gather(tokens, way);
  for (int64_t row = 0; row < 8; ++row)
    EXPECT_TRUE(at::equal(rows[row], tokens[way.entries[row].item<int64_t>() / 2]));
  rows.slice(0, 5).fill_(std::numeric_limits<double>::quiet_NaN());  // what no expert has
  const Tensor kept = routing.kept.to(at::kDouble);
  expect_close(combine(rows, way, routing.weights), tokens * (routing.weights * kept).sum(1, true));
  expect_close(combine(rows, way, {}), tokens * kept.sum(1, true));
}

TEST(Dispatch, WeighsRowsAndTheirGradients) {
  Routing routing = four_tokens();
  routing.kept = whole({1, 1, 1, 0, 1, 1, 0, 0}, at::kBool).view({4, 2});
  const Dispatch way = dispatch(routing, 5);
  const Tensor inner = random_tensor({8, 3}, 3), values = random_tensor({8, 3}, 4);
  const Tensor inner_before = inner.clone(), values_before = values.clone();
  const Tensor dweights = weigh(inner, values, way, routing.weights);
  for (int64_t token = 0; token < 4; ++token)
    for (int64_t j = 0; j < 2; ++j) {
      const int64_t row = way.rows[token][j].item<int64_t>();
      const Tensor weight = routing.weights[token][j];
      if (!routing.kept[token][j].item<bool>()) {
        EXPECT_EQ(dweights[token][j].item<double>(), 0);
        continue;
      }
      expect_close(dweights[token][j], (inner_before[row] * values_before[row]).sum());
      expect_close(inner[row], inner_before[row] * weight);
      expect_close(values[row], values_before[row] * weight);
    }
}

TEST(Grouped, MultipliesEachExpertsRows) {
  const Tensor ends = whole({3, 3, 6, 7}, at::kInt);  // the last row is no expert's
  const Tensor x = random_tensor({8, 3}, 1), dy = random_tensor({8, 5}, 2);
  const Tensor weights = random_tensor({4, 5, 3}, 3);
  const Tensor out = grouped_mm(x, weights.transpose(1, 2), ends);
  const Tensor sums = random_tensor({4, 5, 3}, 4), before = sums.clone();
  add_grouped_products(sums, dy, x, ends);
  Tensor anew = random_tensor({4, 5, 3}, 5);
  add_grouped_products(anew, dy, x, ends, /*overwrites=*/true);
  expect_close(anew, sums - before);
  int64_t begin = 0;
  for (int64_t e = 0; e < 4; ++e) {
    const int64_t end = ends[e].item<int64_t>();
    const Tensor rows = x.slice(0, begin, end);
    expect_close(out.slice(0, begin, end), at::matmul(rows, weights[e].t()));
    expect_close(sums[e], before[e] + at::matmul(dy.slice(0, begin, end).t(), rows));
    begin = end;
  }
}

}  // namespace
}  // namespace bascule
