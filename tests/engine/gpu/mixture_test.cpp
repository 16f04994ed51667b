// The mixture of experts on a GPU: its kernels against the same functions on the CPU, and the block
// against experts in turn on the CPU.
#include "engine/gpu/on_gpu.h"
#include "kernels/dispatch.h"
#include "kernels/grouped.h"
#include "kernels/router.h"
#include "model/megatron.h"
#include "nn/moe.h"

namespace bascule {
namespace {

using at::Tensor;

/// How tokens are spread: at random; to the first experts only; all to one of them.
enum class Spread { random, few, one };
constexpr Spread kSpreads[] = {Spread::random, Spread::few, Spread::one};

constexpr int64_t kTokens[] = {1, 127, 8193};

Routing routing_of(Spread spread, int64_t tokens, int64_t top_k, int64_t experts) {
  Tensor scores = random_tensor({tokens, experts}, 1);
  if (spread == Spread::few) scores.slice(1, std::min(experts, top_k + 1)).sub_(100);
  if (spread == Spread::one) scores.select(1, experts / 2).add_(100);
  Routing routing{.scores = scores.softmax(-1), .experts = {}, .weights = {}};
  routing.experts = std::get<1>(scores.topk(top_k, -1));
  routing.weights = random_tensor({tokens, top_k}, 2).to(at::kFloat);
  return routing;
}

Dispatch on_gpu(const Dispatch& way) {
  return {way.ends.to(at::kCUDA), way.entries.to(at::kCUDA), way.rows.to(at::kCUDA)};
}

void check_rows(const Routing& routing, const Dispatch& way, int64_t width, at::ScalarType type) {
  const Dispatch there = on_gpu(way);
  const int64_t rows = way.entries.size(0), tokens = way.rows.size(0);
  const int64_t taken = way.ends[-1].item<int64_t>();
  const Both x = random_on_gpu({tokens, width}, 3, type);
  expect_like(gather(x.gpu, there), gather(x.reference, way), 0);
  Both parts = random_on_gpu({rows, width}, 4, type);
  parts.gpu.slice(0, taken).fill_(std::numeric_limits<double>::quiet_NaN());
  const Tensor weights = routing.weights.to(at::kCUDA);
  const Both one = random_on_gpu({tokens, width}, 6, type),
             other = random_on_gpu({tokens, width}, 7, type);
  expect_like(combine(parts.gpu, there, weights),
              combine(parts.reference, way, routing.weights.to(at::kDouble)), tolerance(type));
  expect_like(combine(parts.gpu, there, {}, {one.gpu, other.gpu}),
              combine(parts.reference, way, {}, {one.reference, other.reference}), tolerance(type));
  const Both values = random_on_gpu({rows, width}, 5, type);
  expect_like(weigh(parts.gpu, values.gpu, there, weights),
              weigh(parts.reference, values.reference, way, routing.weights.to(at::kDouble)), 1e-4);
  expect_like(parts.gpu.slice(0, 0, taken), parts.reference.slice(0, 0, taken), tolerance(type));
  expect_like(values.gpu.slice(0, 0, taken), values.reference.slice(0, 0, taken), tolerance(type));
}

void check_route(const Moe& moe, int64_t tokens, at::ScalarType type) {
  SCOPED_TRACE(testing::Message() << moe.experts << " experts, " << tokens << " tokens " << type);
  const Both logits = random_on_gpu({tokens, moe.experts}, 1, type);
  const Tensor bias = moe.expert_bias ? random_tensor({moe.experts}, 2) : Tensor();
  const Tensor there = bias.defined() ? bias.to(at::kCUDA, at::kFloat) : bias;
  const Routing got = route(moe, logits.gpu, there);
  const Routing wide = route(moe, logits.reference, bias);
  expect_like(got.scores, wide.scores, 2e-6);
  const Tensor seen = bias.defined() ? wide.scores + bias : wide.scores;
  const auto [sorted, order] = at::sort(seen, /*stable=*/true, -1, /*descending=*/true);
  expect_close(seen.gather(1, got.experts.cpu()), sorted.slice(1, 0, moe.top_k), 1e-6);
  if (type == at::kBFloat16 && !bias.defined()) {  // often equal: the first of equals is taken
    EXPECT_TRUE(at::equal(got.experts.cpu(), order.slice(1, 0, moe.top_k)));
  }
  Tensor weights = wide.scores.gather(1, got.experts.cpu());
  if (moe.norm_top_k) weights = weights / weights.sum(1, true);
  expect_like(got.weights, weights * moe.routed_scale, 5e-6);
  Routing same = wide;  // the choice of the GPU, of which the gradient is
  same.experts = got.experts.cpu();
  same.weights = weights * moe.routed_scale;
  const Both dweights = random_on_gpu({tokens, moe.top_k}, 3, at::kFloat);
  expect_like(route_backward(moe, dweights.gpu, got), route_backward(moe, dweights.reference, same),
              5e-6);
  const int64_t groups = tokens % 3 == 0 ? 3 : 1;
  const Tensor chosen = random_indices(groups * moe.experts, 50, 4).view({groups, -1});
  const double coefficient = static_cast<double>(tokens);
  expect_like(balance_backward(moe, got, chosen.to(at::kCUDA), coefficient),
              balance_backward(moe, same, chosen, coefficient), 5e-6);
  const Routing turns = route_in_turn(moe, logits.gpu),
                expected = route_in_turn(moe, logits.reference);
  EXPECT_TRUE(at::equal(turns.experts.cpu(), expected.experts));
  expect_like(turns.weights, expected.weights, 5e-6);
}

TEST(GpuRouter, IsTheReference) {
  for (const at::ScalarType type : kGpuTypes)
    for (const int64_t experts : {5, 32, 128, 300, 512})
      for (const int64_t tokens : kTokens)
        for (const bool sigmoid : {false, true})
          check_route({.experts = experts,
                       .top_k = experts < 32 ? 5 : 8,
                       .score = sigmoid ? Moe::Score::sigmoid : Moe::Score::softmax,
                       .norm_top_k = sigmoid || experts < 200,
                       .routed_scale = sigmoid ? 2.5 : 1,
                       .expert_bias = sigmoid},
                      tokens, type);
}

TEST(GpuDispatch, IsTheReference) {
  for (const int64_t experts : {8, 128, 300})
    for (const int64_t tokens : kTokens)
      for (const Spread spread : kSpreads)
        for (const bool drops : {false, true}) {
          SCOPED_TRACE(testing::Message() << experts << " experts, " << tokens << " tokens, spread "
                                          << static_cast<int>(spread) << " drops " << drops);
          Routing routing = routing_of(spread, tokens, experts == 8 ? 2 : 8, experts);
          if (drops) routing.kept = routing.weights > -0.5;
          const Dispatch expected = dispatch(routing, experts);
          Routing moved = routing;
          moved.experts = routing.experts.to(at::kCUDA);
          if (drops) moved.kept = routing.kept.to(at::kCUDA);
          const Dispatch got = dispatch(moved, experts);
          EXPECT_TRUE(at::equal(got.ends.cpu(), expected.ends));
          EXPECT_TRUE(at::equal(got.entries.cpu(), expected.entries));
          EXPECT_TRUE(at::equal(got.rows.cpu(), expected.rows));
          if (experts == 300 || (drops && tokens > 1000)) continue;
          for (const at::ScalarType type : kGpuTypes)
            check_rows(routing, expected, spread == Spread::few ? 101 : 72, type);
        }
}

struct Sizes {
  int64_t experts, tokens, top_k, in, out;
};

TEST(GpuGrouped, IsTheReference) {
  constexpr Sizes kSizes[] = {{1, 1, 1, 8, 8},          {8, 127, 2, 64, 200},
                              {8, 2049, 2, 264, 136},   {128, 1027, 8, 128, 96},
                              {128, 2049, 8, 256, 136}, {8, 127, 2, 60, 33},
                              {5, 301, 3, 392, 520}};
  for (const at::ScalarType type : kGpuTypes)
    for (const Sizes& s : kSizes)
      for (const Spread spread : kSpreads) {
        if (type == at::kFloat && s.tokens > 1500) continue;
        SCOPED_TRACE(testing::Message()
                     << s.experts << " experts, " << s.tokens << " tokens, " << s.in << " -> "
                     << s.out << ", spread " << static_cast<int>(spread) << " " << type);
        Routing routing = routing_of(spread, s.tokens, s.top_k, s.experts);
        if (s.tokens == 1027) routing.kept = routing.weights > 0;
        const Dispatch way = dispatch(routing, s.experts), there = on_gpu(way);
        const int64_t rows = s.tokens * s.top_k, taken = way.ends[-1].item<int64_t>();
        const Both x = random_on_gpu({rows, s.in}, 3, type);
        const Both dy = random_on_gpu({rows, s.out}, 4, type);
        for (const Both& all : {x, dy})  // rows that no expert has are not looked at
          all.gpu.slice(0, taken).fill_(std::numeric_limits<double>::quiet_NaN());
        // As experts lie in an arena: something else stands between two of them.
        const Both arena = random_on_gpu({s.experts, 3 * s.out * s.in}, 5, type);
        const auto weights = [&](const Tensor& all) {
          return all.narrow(1, 0, s.out * s.in).view({s.experts, s.out, s.in});
        };
        const Tensor w = weights(arena.gpu), v = weights(arena.reference);
        const double off = tolerance(type);
        expect_like(grouped_mm(x.gpu, w.transpose(1, 2), there.ends).slice(0, 0, taken),
                    grouped_mm(x.reference, v.transpose(1, 2), way.ends).slice(0, 0, taken), off);
        expect_like(grouped_mm(dy.gpu, w, there.ends).slice(0, 0, taken),
                    grouped_mm(dy.reference, v, way.ends).slice(0, 0, taken), off);
        // fp32 sums of products that are exact: far closer than bf16 is.
        const Tensor sums = arena.gpu.to(at::kFloat), again = sums.clone();
        Tensor expected = arena.reference.clone();
        add_grouped_products(weights(expected), dy.reference, x.reference, way.ends);
        add_grouped_products(weights(sums), dy.gpu, x.gpu, there.ends);
        expect_like(sums, expected, 2e-5);
        add_grouped_products(weights(again), dy.gpu, x.gpu, there.ends);
        EXPECT_TRUE(at::equal(sums, again));
        weights(expected).zero_();
        add_grouped_products(weights(expected), dy.reference, x.reference, way.ends);
        add_grouped_products(weights(sums), dy.gpu, x.gpu, there.ends, /*overwrites=*/true);
        expect_like(sums, expected, 2e-5);
        for (const bool overwrites : {true, false}) {
          Tensor squares;
          add_grouped_products(weights(sums), dy.gpu, x.gpu, there.ends, overwrites, &squares);
          if (!squares.defined()) continue;  // the kernel does not serve these
          expect_like(squares.sum(), weights(sums).to(at::kDouble).square().sum().cpu(), 1e-6);
        }
        const Tensor askew = at::zeros({1 + s.experts * s.out * s.in}, sums.options())
                                 .narrow(0, 1, s.experts * s.out * s.in)
                                 .view({s.experts, s.out, s.in});  // not aligned to 16 bytes
        add_grouped_products(askew, dy.gpu, x.gpu, there.ends, /*overwrites=*/true);
        expect_like(askew, weights(expected), 2e-5);
      }
}

struct Side {
  Arch arch;
  Slots all;
  Parameters parameters;
  MoeBlock block;

  Side(const Moe& moe, int64_t hidden, const MoeRules& rules, at::ScalarType type,
       at::Device device)
      : arch{.vocab = 16, .hidden = hidden, .max_positions = 64, .norm = {.eps = 1e-5}},
        all(slots(with(arch, moe))),
        parameters(all, megatron_local(arch, all, {}, 0, {}), {},
                   {.dtype = type, .device = device}),
        block((fill(parameters), parameters), moe, rules, "layers.0.") {}

  static const Arch& with(Arch& arch, const Moe& moe) {
    arch.layers.assign(1, Layer{Gqa{.heads = 2, .kv_heads = 2, .head_dim = 8}, moe});
    return arch;
  }
  static void fill(const Parameters& parameters) {
    uint64_t seed = 10;
    for (const Parameter& each : parameters.all())
      each.value.copy_(random_tensor(each.value.sizes(), ++seed) *
                       (each.slots.front().ends_with("router") ? 0.1 : 0.3));
  }
};

/// Relative to the largest value.
double off_by(const Tensor& got, const Tensor& expected) {
  const Tensor wide = expected.to(at::kDouble);
  return ((got.cpu().to(at::kDouble) - wide).abs().max() / wide.abs().max().clamp_min(1e-30))
      .item<double>();
}

struct BlockCase {
  const char* name;
  Moe moe;
  MoeRules rules = {};
  int64_t hidden = 64, tokens = 123;
  bool one_expert = false;  // a bias sends every token to expert 3
};

/// In bf16 logits are rounded, so that choices and drops could differ: experts come in turn there.
void check_block(BlockCase c, at::ScalarType type) {
  SCOPED_TRACE(testing::Message() << c.name << " " << type);
  if (type == at::kBFloat16) {
    c.rules.in_turn = true;
    if (!c.rules.drop_last) c.rules.capacity.reset();
  }
  Side cpu(c.moe, c.hidden, c.rules, type, at::kCPU);
  Side gpu(c.moe, c.hidden, c.rules, type, at::kCUDA);
  Batch batch{.sequences = 1, .length = c.tokens, .balance_scale = 1};
  const Tensor in = random_tensor({c.tokens, c.hidden}, 1).to(type);
  const Tensor dout = random_tensor({c.tokens, c.hidden}, 2).to(type);
  std::vector<Tensor> outs, dins;
  for (Side* side : {&cpu, &gpu}) {
    if (c.one_expert) side->parameters.holding({"layers.0.moe.expert_bias"}).value[3] = 50;
    const at::Device device = side->parameters.device();
    Saved saved[2];
    for (Saved& each : saved) outs.push_back(side->block.forward(in.to(device), batch, each));
    for (Saved& each : saved) dins.push_back(side->block.backward(dout.to(device), batch, each));
    for (Saved& each : saved) accumulate(each);
    side->parameters.end_step();
  }
  EXPECT_TRUE(at::equal(outs[2], outs[3]));
  EXPECT_TRUE(at::equal(dins[2], dins[3]));
  const double most = type == at::kFloat ? 1e-4 : 3e-2;
  EXPECT_LE(off_by(outs[2], outs[0]), most);
  EXPECT_LE(off_by(dins[2], dins[0]), most);
  for (size_t i = 0; i < cpu.parameters.all().size(); ++i) {
    const Parameter &a = gpu.parameters.all()[i], &b = cpu.parameters.all()[i];
    if (b.gradient.defined()) {
      EXPECT_LE(off_by(a.gradient, b.gradient), most) << a.name;
    }
  }
  EXPECT_TRUE(at::equal(gpu.parameters.tally("layers.0.moe.router")->gradient.cpu(),
                        cpu.parameters.tally("layers.0.moe.router")->gradient));
}

std::vector<BlockCase> block_cases() {
  const Moe eight{.experts = 8, .top_k = 2, .width = 48};
  const Moe many{
      .experts = 128, .top_k = 8, .width = 24, .norm_top_k = true, .aux_coefficient = 0.1};
  Moe shared = eight;
  shared.shared_width = 40;
  Moe gated = shared;
  gated.shared_gate = true;
  Moe sigmoid = many;
  sigmoid.score = Moe::Score::sigmoid;
  sigmoid.routed_scale = 2.5;
  sigmoid.expert_bias = true;
  Moe grouped = sigmoid;
  grouped.groups = 8;
  grouped.group_top_k = 4;
  Moe plain = eight;
  plain.gated = false;
  plain.activation = Activation::relu2;
  Moe odd = eight;
  odd.width = 7;
  Moe unlike = many;
  unlike.norm_top_k = false;
  return {{"eight", eight},
          {"many, most of them empty", many, {}, 64, 3},
          {"many", many, {}, 72, 1025},
          {"weights as they are", unlike},
          {"shared", shared},
          {"shared with a gate", gated},
          {"sigmoid with a bias", sigmoid},
          {"one takes all", sigmoid, {}, 64, 515, true},
          {"groups of experts", grouped},
          {"not gated", plain},
          {"odd sizes", odd, {}, 60, 33},
          {"capacity", many, {.capacity = 0.7}, 64, 257},
          {"capacity by place", many, {.capacity = 0.7, .drop_last = true}, 64, 257},
          {"z loss", many, {.z_coefficient = 0.1}},
          {"in turn", many, {.in_turn = true}, 64, 256}};
}

TEST(GpuMoe, IsExpertsInTurnInFp32) {
  for (const BlockCase& each : block_cases()) check_block(each, at::kFloat);
}

TEST(GpuMoe, IsExpertsInTurnInBf16) {
  for (const BlockCase& each : block_cases()) check_block(each, at::kBFloat16);
}

/// The experts alone, given who goes where.
TEST(GpuExperts, AreExpertsInTurn) {
  const Moe moe{.experts = 128, .top_k = 8, .width = 24};
  for (const at::ScalarType type : kGpuTypes)
    for (const Spread spread : kSpreads)
      for (const int64_t tokens : {3, 517}) {
        SCOPED_TRACE(testing::Message() << "spread " << static_cast<int>(spread) << ", " << tokens
                                        << " tokens " << type);
        std::vector<Tensor> results[2];
        for (const bool on_gpu : {false, true}) {
          const at::Device device = on_gpu ? at::kCUDA : at::kCPU;
          Side side(moe, 72, {}, type, device);
          const auto experts =
              (on_gpu ? grouped_experts : experts_in_turn)(side.parameters, moe, "layers.0.moe.");
          Routing routing = routing_of(spread, tokens, moe.top_k, moe.experts);
          routing.experts = routing.experts.to(device);
          routing.weights = routing.weights.to(device);
          const Tensor in = random_tensor({tokens, 72}, 1).to(type).to(device);
          const Tensor dout = random_tensor({tokens, 72}, 2).to(type).to(device);
          Saved saved;
          const std::vector<Tensor> plus = {random_tensor({tokens, 72}, 3).to(type).to(device)};
          const auto beside = [&](const Tensor& dweights) {
            results[on_gpu].push_back(dweights);
            return plus;
          };
          results[on_gpu].push_back(experts->forward(in, routing, {}, plus, saved));
          results[on_gpu].push_back(experts->backward(dout, in, routing, {}, beside, saved));
          accumulate(saved);
          side.parameters.end_step();
          for (const Parameter& each : side.parameters.all())
            if (each.name.find("experts") != std::string::npos)
              results[on_gpu].push_back(each.gradient);
        }
        for (size_t i = 0; i < results[0].size(); ++i)
          EXPECT_LE(off_by(results[1][i], results[0][i]), type == at::kFloat ? 1e-4 : 3e-2) << i;
      }
}

}  // namespace
}  // namespace bascule
