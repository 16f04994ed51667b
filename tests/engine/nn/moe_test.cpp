// The mixture of experts against its formula under autograd, in fp64.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/nn/toy.h"
#include "nn/autograd_block.h"
#include "nn/moe.h"

namespace bascule {
namespace {

using at::Tensor;

constexpr int64_t kHidden = 12, kWidth = 7;

Arch moe_toy(const Moe& moe) {
  Arch arch{.vocab = 13, .hidden = kHidden, .max_positions = 32, .norm = {.eps = 1e-5}};
  arch.layers.assign(1, Layer{Gqa{.heads = 2, .kv_heads = 2, .head_dim = 6}, moe});
  return arch;
}

/// The places of the `most` largest, ties to the lower place.
std::vector<size_t> largest(const std::vector<double>& values, int64_t most) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return values[a] > values[b]; });
  order.resize(std::min(order.size(), static_cast<size_t>(most)));
  return order;
}

std::vector<double> row(const Tensor& x, int64_t at) {
  const Tensor values = x[at].contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

/// The experts that a token chooses, by sorting.
std::vector<size_t> choice(const Moe& moe, std::vector<double> seen) {
  const size_t size = seen.size() / static_cast<size_t>(moe.groups);
  if (moe.groups > 1) {
    std::vector<double> groups;
    for (size_t g = 0; g < seen.size(); g += size) {
      std::vector<double> members(seen.begin() + static_cast<long>(g),
                                  seen.begin() + static_cast<long>(g + size));
      std::ranges::sort(members, std::greater{});
      groups.push_back(members[0] + members[1]);
    }
    const std::vector<size_t> best = largest(groups, moe.group_top_k);
    for (size_t e = 0; e < seen.size(); ++e)
      if (std::ranges::find(best, e / size) == best.end()) seen[e] = -1e9;
  }
  return largest(seen, moe.top_k);
}

/// What each token takes of each expert, [tokens, experts], with the graph of the logits.
Tensor shares(const Moe& moe, const MoeRules& rules, const Tensor& logits, const Tensor& bias) {
  const Tensor scores = moe.score == Moe::Score::sigmoid ? 1 / (1 + (-logits).exp())
                                                         : logits.exp() / logits.exp().sum(1, true);
  const Tensor seen = bias.defined() ? scores + bias : scores;
  Tensor mask = at::zeros_like(scores.detach());
  for (int64_t t = 0; t < scores.size(0); ++t)
    for (const size_t e : choice(moe, row(seen.detach(), t))) mask[t][static_cast<int64_t>(e)] = 1;
  Tensor weights = scores * mask;
  if (moe.norm_top_k) weights = weights / weights.sum(1, true);
  weights = weights * moe.routed_scale;
  if (!rules.capacity) return weights;
  const auto most =
      static_cast<int64_t>(std::ceil(static_cast<double>(logits.size(0) * moe.top_k) *
                                     *rules.capacity / static_cast<double>(moe.experts)));
  Tensor kept = at::zeros_like(mask);
  for (int64_t e = 0; e < moe.experts; ++e)
    for (const size_t t : largest(row((rules.drop_last ? mask : weights.detach()).t(), e), most))
      kept[static_cast<int64_t>(t)][e] = 1;
  return weights * kept;
}

Tensor silu_mlp(const Tensor& x, const Tensor& in, const Tensor& out) {
  const auto halves = at::matmul(x, in.t()).chunk(2, 1);
  return at::matmul(halves[0] * halves[0].sigmoid() * halves[1], out.t());
}

struct Wiring {
  std::vector<const Parameter*> used;
  AutogradBlock oracle;
};

Wiring wiring(const Parameters& all, const Moe& moe, const MoeRules& rules) {
  const std::string at = "layers.0.moe.";
  std::vector<const Parameter*> used = {&all.holding({at + "router"})};
  const auto add_mlp = [&](const std::string& name) {
    used.push_back(&all.holding({name + "gate", name + "up"}));
    used.push_back(&all.holding({name + "down"}));
  };
  for (int64_t e = 0; e < moe.experts; ++e) add_mlp(at + "experts." + std::to_string(e) + ".");
  if (moe.shared_width) add_mlp(at + "shared.");
  if (moe.shared_gate) used.push_back(&all.holding({at + "shared_gate"}));
  const Tensor bias = moe.expert_bias ? all.holding({at + "expert_bias"}).value : Tensor();
  const auto formula = [moe, rules, bias](const Tensor& in, const std::vector<Tensor>& w) {
    const Tensor weights = shares(moe, rules, at::matmul(in, w[0].t()), bias);
    Tensor out = at::zeros_like(in);
    for (int64_t e = 0; e < moe.experts; ++e) {
      const auto first = static_cast<size_t>(1 + 2 * e);
      out = out + weights.select(1, e).unsqueeze(1) * silu_mlp(in, w[first], w[first + 1]);
    }
    if (!moe.shared_width) return out;
    const auto first = static_cast<size_t>(1 + 2 * moe.experts);
    Tensor part = silu_mlp(in, w[first], w[first + 1]);
    if (moe.shared_gate) part = part * at::matmul(in, w[first + 2].t()).sigmoid();
    return out + part;
  };
  return {used, AutogradBlock(used, formula)};
}

void expect_formula(const Moe& moe, MoeRules rules = {}) {
  for (const bool grouped : {false, true}) {
    SCOPED_TRACE(grouped ? "grouped" : "in turn");
    rules.grouped = grouped;
    Toy toy(moe_toy(moe));
    const Wiring expected = wiring(toy.parameters, moe, rules);
    compare(toy, MoeBlock(toy.parameters, moe, rules, "layers.0."), expected.oracle,
            batch_of(2, 9, 13));
  }
}

Moe eight() { return {.experts = 8, .top_k = 2, .width = kWidth}; }

TEST(Moe, IsItsFormula) {
  for (const auto score : {Moe::Score::softmax, Moe::Score::sigmoid})
    for (const bool normalised : {false, true})
      for (const double scale : {1.0, 2.5}) {
        Moe moe = eight();
        moe.score = score;
        moe.norm_top_k = normalised;
        moe.routed_scale = scale;
        expect_formula(moe);
      }
}

TEST(Moe, SharedExpertsJoinWithAndWithoutGate) {
  for (const bool gate : {false, true}) {
    Moe moe = eight();
    moe.shared_width = 10;
    moe.shared_gate = gate;
    expect_formula(moe);
  }
}

TEST(Moe, ChoiceSeesBiasesAndGroups) {
  for (const bool bias : {false, true}) {
    Moe moe = eight();
    moe.score = Moe::Score::sigmoid;
    moe.groups = 4;
    moe.group_top_k = 2;
    moe.top_k = 3;
    moe.expert_bias = bias;
    expect_formula(moe);
  }
}

TEST(Moe, LeavesExpertsEmpty) {
  Moe moe = eight();
  moe.experts = 64;  // of which 18 tokens reach at most 36
  expect_formula(moe);
  moe = eight();
  moe.top_k = 8;  // and none
  expect_formula(moe);
}

TEST(Moe, ExpertsTakeWhatTheirCapacityAllows) {
  for (const bool drop_last : {false, true})
    for (const double capacity : {0.2, 0.7, 1.5, 100.0})
      for (const bool normalised : {false, true}) {
        Moe moe = eight();
        moe.norm_top_k = normalised;
        expect_formula(moe, {.capacity = capacity, .drop_last = drop_last});
      }
}

TEST(Moe, BalancingLossesReachInputAndRouter) {
  for (const auto score : {Moe::Score::softmax, Moe::Score::sigmoid})
    for (const auto balance :
         {Moe::Balance::none, Moe::Balance::aux, Moe::Balance::seq_aux, Moe::Balance::global_aux})
      for (const double z : {0.0, 0.3}) {
        Moe moe = eight();
        moe.score = score;
        moe.balance = balance;
        moe.aux_coefficient = 0.7;
        Toy toy(moe_toy(moe));
        const Parameter& router = toy.parameters.holding({"layers.0.moe.router"});
        Batch batch = batch_of(2, 9, 13);
        batch.balance_scale = 3;
        batch.router_losses = at::zeros({2}, at::TensorOptions(at::kDouble));
        toy.parameters.begin_step();
        const MoeBlock block(toy.parameters, moe, {.z_coefficient = z}, "layers.0.");
        const Tensor in = random_tensor({18, kHidden}, 5);
        Saved saved;
        block.forward(in, batch, saved);
        const Tensor din = block.backward(at::zeros_like(in), batch, saved);
        accumulate(saved);
        const int64_t groups = balance == Moe::Balance::seq_aux ? 2 : 1;
        Tensor losses = at::zeros({2}, in.options());
        const auto expected = by_autograd(
            {in, router.value}, at::ones({}, in.options()), [&](const std::vector<Tensor>& x) {
              const Tensor logits = at::matmul(x[0], x[1].t());
              const Tensor chosen = shares(moe, {}, logits, {}).detach() > 0;
              Tensor p = score == Moe::Score::softmax ? logits.softmax(1) : logits.sigmoid();
              p = p / p.sum(1, true);
              const auto length = 18.0 / static_cast<double>(groups);
              const Tensor squares = logits.exp().sum(1).log().square().mean();
              const Tensor unevenness = (chosen.to(at::kDouble).view({groups, -1, 8}).sum(1) *
                                         p.view({groups, -1, 8}).sum(1))
                                            .sum() *
                                        (8 / (2 * length * length * static_cast<double>(groups)));
              const bool balances = balance != Moe::Balance::none;
              if (balances) losses[0].copy_(unevenness.detach());
              if (z != 0) losses[1].copy_(squares.detach());
              return (squares * z + unevenness * (balances ? 0.7 : 0.0)) * 3;
            });
        expect_close(batch.router_losses, losses);
        expect_close(din, expected.gradients[0]);
        expect_close(router.gradient, expected.gradients[1]);
      }
}

TEST(Moe, RouterCountsWhatExpertsTake) {
  Moe moe = eight();
  moe.expert_bias = true;
  Toy toy(moe_toy(moe));
  const MoeBlock block(toy.parameters, moe, {.capacity = 0.5}, "layers.0.");
  const Batch batch = batch_of(2, 9, 13);
  const Tensor tally = toy.parameters.tally("layers.0.moe.router")->gradient;
  for (const int times : {1, 2}) {
    const Tensor in = random_tensor({18, kHidden}, 5);
    Saved saved;
    block.forward(in, batch, saved);
    block.backward(at::ones_like(in), batch, saved);
    accumulate(saved);
    EXPECT_EQ(tally[0].sum().item<double>(), 36 * times);
    EXPECT_LE(tally[1].max().item<double>(), 3 * times);
    EXPECT_LT(tally[1].sum().item<double>(), 36 * times);
    EXPECT_TRUE((tally[1] <= tally[0]).all().item<bool>());
  }
  toy.parameters.begin_step();
  EXPECT_EQ(tally.abs().sum().item<double>(), 0);
}

TEST(Moe, ExpertsInTurnAreEquallyBusy) {
  const Moe moe = eight();
  const Routing routing = route_in_turn(moe, random_tensor({12, 8}, 1));
  const Tensor busy = counts(moe, routing, 1);
  EXPECT_TRUE((busy == 3).all().item<bool>());
  expect_close(routing.weights.sum(1), at::ones({12}, routing.weights.options()));
}

}  // namespace
}  // namespace bascule
