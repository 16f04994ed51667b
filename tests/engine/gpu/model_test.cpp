// Updates, weight gradients and whole toy models on a GPU against the same on the CPU.
#include <cmath>
#include <limits>

#include "engine/gpu/on_gpu.h"
#include "kernels/adamw.h"
#include "kernels/cuda/kernels.h"
#include "kernels/masters.h"
#include "model/megatron.h"
#include "nn/decoder.h"
#include "train/optimizer.h"

namespace bascule {
namespace {

using at::Tensor;

TEST(GpuSumOfSquares, IsTheReference) {
  for (const int64_t count : {1, 3, 255, 100003, 5000001}) {
    const Tensor x = random_tensor({count}, 1).to(at::kFloat);
    const double got = cuda::sum_of_squares(x.to(at::kCUDA)).item<double>();
    const double expected = sum_of_squares(x);
    EXPECT_NEAR(got / expected, 1, 1e-12) << count;
  }
}

/// Updates an arena of `sizes`, every other of which decays and every third of which has its
/// gradients cleared, on both devices: of fp32, or of bf16 parameters with the remainders of
/// masters.
void check_adamw(const std::vector<int64_t>& sizes, bool rounded) {
  std::vector<int64_t> ends;
  std::vector<uint8_t> rules;
  for (const int64_t size : sizes) {
    ends.push_back((ends.empty() ? 0 : ends.back()) + size);
    const size_t i = rules.size();
    rules.push_back((i % 2 == 0 ? cuda::kDecays : 0) | (i % 3 == 1 ? cuda::kClears : 0));
  }
  const int64_t count = ends.back();
  SCOPED_TRACE(testing::Message() << count << " rounded " << rounded);
  std::vector<Tensor> cpu = {random_tensor({count}, 1), random_tensor({count}, 2),
                             at::zeros({count}), at::zeros({count})};
  std::vector<Tensor> gpu;
  for (Tensor& each : cpu) {
    each = each.to(at::kFloat);
    gpu.push_back(each.to(at::kCUDA));
  }
  const auto of = [&](at::ScalarType type) {
    return rounded ? at::zeros({count}, gpu[0].options().dtype(type)) : Tensor();
  };
  const Tensor remainders = of(at::kShort), values = rounded ? of(at::kBFloat16) : gpu[0];
  if (rounded) keep_masters(gpu[0], values, remainders);
  const cuda::AdamWState state{
      .values = values,
      .remainders = remainders,
      .gradients = gpu[1],
      .first = gpu[2],
      .second = gpu[3],
      .ends = at::tensor(ends, at::TensorOptions(at::kLong)).to(at::kCUDA),
      .rules = at::tensor(rules, at::TensorOptions(at::kByte)).to(at::kCUDA)};
  for (int64_t step = 1; step <= 3; ++step) {
    AdamW rule{.lr = 1e-2, .weight_decay = 0.1, .step = step, .gradient_scale = 0.25};
    cuda::adamw(state, rule, at::full({}, 0.25, gpu[0].options().dtype(at::kDouble)));
    for (size_t i = 0; i < ends.size(); ++i) {
      const auto part = [&](const Tensor& all) {
        return all.narrow(0, ends[i] - sizes[i], sizes[i]);
      };
      rule.weight_decay = rules[i] & cuda::kDecays ? 0.1 : 0;
      adamw(part(cpu[0]), part(cpu[1]), part(cpu[2]), part(cpu[3]), rule);
      if (rules[i] & cuda::kClears) part(cpu[1]).zero_();
    }
  }
  const auto masters = [&] { return rounded ? masters_of(values, remainders) : gpu[0]; };
  gpu[0] = masters();
  for (size_t i = 0; i < cpu.size(); ++i) expect_like(gpu[i], cpu[i].to(at::kDouble), 1e-6);
  if (rounded) {  // split as the CPU does
    keep_masters(gpu[0].cpu(), cpu[0] = at::zeros({count}, at::kBFloat16),
                 cpu[1] = at::zeros({count}, at::kShort));
    EXPECT_TRUE(at::equal(cpu[0], values.cpu()));
    EXPECT_TRUE(at::equal(cpu[1], remainders.cpu()));
  }
  const Tensor before = gpu[0].clone();
  cuda::adamw(state, {.lr = 1, .step = 4},
              at::full({}, std::nan(""), gpu[0].options().dtype(at::kDouble)));
  EXPECT_TRUE(at::equal(before, masters()));
}

TEST(GpuAdamW, IsTheReference) {
  for (const bool rounded : {false, true}) {
    check_adamw({1}, rounded);
    check_adamw({5, 7, 3}, rounded);
    check_adamw({4096, 64, 4095, 1, 20000, 3}, rounded);
    check_adamw({1000003, 17}, rounded);
  }
}

struct Model {
  Arch arch;
  Slots all;
  Parameters parameters;

  Model(const Arch& of, at::ScalarType type, at::Device device)
      : arch(of),
        all(slots(of)),
        parameters(all, megatron_local(of, all, {}, 0, {}), {}, {.dtype = type, .device = device}) {
    uint64_t seed = 10;
    for (const Parameter& each : parameters.all())
      each.value.copy_(random_tensor(each.value.sizes(), ++seed) * 0.2);
  }
};

Arch llama_toy(bool norms, std::optional<int64_t> window) {
  Arch arch{.vocab = 131, .hidden = 64, .max_positions = 256, .norm = {.eps = 1e-5}};
  const Gqa gqa{.heads = 4,
                .kv_heads = 2,
                .head_dim = 16,
                .qkv_bias = norms,
                .qk_norm = norms ? Gqa::QkNorm::per_head : Gqa::QkNorm::none,
                .window = window};
  arch.layers.assign(2, Layer{gqa, Mlp{.width = 96}});
  return arch;
}

Arch mixture_toy() {
  Arch arch = llama_toy(false, {});
  for (Layer& layer : arch.layers)
    layer.feed_forward = Moe{.experts = 16, .top_k = 3, .width = 24, .aux_coefficient = 0.01};
  return arch;
}

Batch toy_batch() {
  Batch batch{.sequences = 3, .length = 41};
  batch.tokens = random_indices(123, 131, 1);
  batch.labels = random_indices(123, 131, 2);
  batch.loss_mask = (random_tensor({123}, 3) > -0.5).to(at::kFloat);
  batch.positions = at::arange(41, at::TensorOptions(at::kLong)).repeat({3});
  return batch;
}

/// Relative to the largest value of the tensor.
double difference(const Tensor& got, const Tensor& expected) {
  const Tensor wide = expected.to(at::kDouble);
  return ((got.cpu().to(at::kDouble) - wide).abs().max() / wide.abs().max().clamp_min(1e-30))
      .item<double>();
}

Tensor master(const Optimizer& optimizer, size_t i) {
  const NamedTensor kept = optimizer.masters()[i];
  return kept.remainders.defined() ? masters_of(kept.tensor, kept.remainders) : kept.tensor;
}

void check_model(const Arch& arch, at::ScalarType type, double tolerance) {
  Model cpu(arch, type, at::kCPU), gpu(arch, type, at::kCUDA);
  const Decoder ours(arch, gpu.parameters), theirs(arch, cpu.parameters);
  const Batch batch = toy_batch(), there = moved(batch, at::kCUDA);
  for (int i = 0; i < 2; ++i) {  // gradients add up
    const LossSum got = ours.forward_backward(there, 0.01);
    const LossSum expected = theirs.forward_backward(batch, 0.01);
    EXPECT_NEAR(got.loss() / expected.loss(), 1, tolerance);
    EXPECT_EQ(got.tokens(), expected.tokens());
  }
  for (size_t i = 0; i < cpu.parameters.all().size(); ++i) {
    const Parameter &a = gpu.parameters.all()[i], &b = cpu.parameters.all()[i];
    EXPECT_LE(difference(a.gradient, b.gradient), tolerance) << a.name;
  }
  EXPECT_NEAR(ours.loss(there).loss() / theirs.loss(batch).loss(), 1, tolerance);

  for (Model* model : {&gpu, &cpu}) {  // what gradients hold from the step before is forgotten
    model->parameters.begin_step();
    (model == &gpu ? ours : theirs).forward_backward(model == &gpu ? there : batch, 0.01);
    model->parameters.end_step();
  }
  for (size_t i = 0; i < cpu.parameters.all().size(); ++i) {
    const Parameter &a = gpu.parameters.all()[i], &b = cpu.parameters.all()[i];
    EXPECT_LE(difference(a.gradient, b.gradient), tolerance) << a.name;
  }

  Optimizer above(gpu.parameters, {.clip = 0.5}), below(cpu.parameters, {.clip = 0.5});
  for (int i = 0; i < 3; ++i) {
    for (size_t k = 0; k < cpu.parameters.arenas().size(); ++k)
      gpu.parameters.arenas()[k].gradients.copy_(cpu.parameters.arenas()[k].gradients);
    const UpdateResult got = above.update(1e-2, 0.1, 0.5), expected = below.update(1e-2, 0.1, 0.5);
    EXPECT_NEAR(got.gradient_norm / expected.gradient_norm, 1, 1e-6);
    EXPECT_TRUE(got.applied);
  }
  EXPECT_EQ(above.steps, 3);
  for (size_t i = 0; i < cpu.parameters.all().size(); ++i)
    EXPECT_LE(difference(master(above, i), master(below, i)), 1e-5);
  EXPECT_LE(difference(gpu.parameters.all()[0].value, master(above, 0).to(type).cpu()), 1e-2);

  // The embedding's gradient is the same whether it was cleared by the update or is now.
  const Tensor& rows = gpu.parameters.holding({"embed"}).gradient;
  EXPECT_TRUE(arch.tied || rows.count_nonzero().item<int64_t>() == 0);
  std::vector<Tensor> both;
  for (int i = 0; i < 2; ++i) {
    gpu.parameters.begin_step();
    ours.forward_backward(there, 0.01);
    gpu.parameters.end_step();
    both.push_back(rows.clone());
    rows.fill_(7);
  }
  EXPECT_LE(difference(both[0], both[1].cpu()), tolerance);

  gpu.parameters.arenas()[0].gradients.fill_(std::numeric_limits<float>::infinity());
  const Tensor before = master(above, 0).clone();
  EXPECT_FALSE(above.update(1e-2, 0.1, 1).applied);
  EXPECT_EQ(above.steps, 3);
  EXPECT_TRUE(at::equal(master(above, 0), before));
}

TEST(GpuModel, IsTheSameModelInFp32) {
  check_model(llama_toy(false, {}), at::kFloat, 1e-4);
  check_model(llama_toy(true, {}), at::kFloat, 1e-4);
  check_model(llama_toy(false, 9), at::kFloat, 1e-4);
  check_model(mixture_toy(), at::kFloat, 1e-4);
}

TEST(GpuModel, IsTheSameModelInBf16) {
  check_model(llama_toy(false, {}), at::kBFloat16, 6e-2);
  check_model(llama_toy(true, {}), at::kBFloat16, 6e-2);
  check_model(llama_toy(false, 9), at::kBFloat16, 6e-2);
}

}  // namespace
}  // namespace bascule
