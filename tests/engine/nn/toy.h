// Toy models with random weights, and the comparison of a block with an oracle, in fp64.
#pragma once

#include "engine/by_autograd.h"
#include "model/megatron.h"
#include "nn/block.h"
#include "nn/parameters.h"

namespace bascule {

struct Toy {
  Arch arch;
  Slots all;
  Parameters parameters;

  explicit Toy(const Arch& of)
      : arch(of),
        all(slots(of)),
        parameters(all, megatron_local(of, all, {}, 0, {}), {}, {.dtype = at::kDouble}) {
    uint64_t seed = 10;
    for (const Parameter& each : parameters.all())
      each.value.copy_(random_tensor(each.value.sizes(), ++seed) * 0.5);
  }
};

inline Batch batch_of(int64_t sequences, int64_t length, int64_t vocabulary) {
  const auto whole_numbers = at::TensorOptions(at::kLong);
  auto generator = at::detail::createCPUGenerator(7);
  const int64_t tokens = sequences * length;
  Batch batch{.sequences = sequences, .length = length};
  batch.tokens = at::randint(vocabulary, {tokens}, generator, whole_numbers);
  batch.labels = at::randint(vocabulary, {tokens}, generator, whole_numbers);
  batch.loss_mask =
      (at::rand({tokens}, generator, at::TensorOptions(at::kFloat)) < 0.7).to(at::kFloat);
  batch.positions = at::arange(length, whole_numbers).repeat({sequences});
  return batch;
}

/// Runs two forwards before two backwards, the second micro-batch's first, and compares outputs,
/// input gradients and all weight gradients of `ours` with those of `oracle`.
inline void compare(Toy& toy, const Block& ours, const Block& oracle, const Batch& batch) {
  std::vector<std::vector<at::Tensor>> results;
  for (const Block* block : {&ours, &oracle}) {
    toy.parameters.begin_step();
    const int64_t tokens = batch.sequences * batch.length;
    const at::Tensor in[] = {random_tensor({tokens, toy.arch.hidden}, 1),
                             random_tensor({tokens, toy.arch.hidden}, 2)};
    Saved saved[2];
    std::vector<at::Tensor> all;
    for (const int i : {0, 1}) all.push_back(block->forward(in[i], batch, saved[i]));
    for (const int i : {1, 0})
      all.push_back(block->backward(
          random_tensor(all[static_cast<size_t>(i)].sizes(), 3 + static_cast<uint64_t>(i)), batch,
          saved[i]));
    for (const int i : {0, 1}) accumulate(saved[i]);
    toy.parameters.end_step();
    for (const Parameter& each : toy.parameters.all())
      if (each.gradient.defined()) all.push_back(each.gradient.clone());
    results.push_back(std::move(all));
  }
  for (size_t i = 0; i < results[0].size(); ++i) expect_close(results[0][i], results[1][i], 1e-11);
}

}  // namespace bascule
