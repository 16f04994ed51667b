// Documents in one sequence against the same documents apart, in fp64.
#include "engine/nn/toy.h"
#include "nn/decoder.h"

namespace bascule {
namespace {

using at::Tensor;

constexpr int64_t kVocabulary = 13, kLengths[] = {4, 1, 6};

Arch two_layers() {
  Arch arch{.vocab = kVocabulary, .hidden = 12, .max_positions = 32, .norm = {.eps = 1e-5}};
  const Mlp mlp{.width = 10};
  arch.layers = {Layer{Gqa{.heads = 2, .kv_heads = 1, .head_dim = 6}, mlp},
                 Layer{Gqa{.heads = 2, .kv_heads = 2, .head_dim = 6, .window = 3}, mlp}};
  return arch;
}

/// The tokens from `begin` on, as a sequence of its own.
Batch part_of(const Batch& whole, int64_t begin, int64_t length) {
  const auto cut = [&](const Tensor& all) { return all.narrow(0, begin, length); };
  return {.sequences = 1,
          .length = length,
          .tokens = cut(whole.tokens),
          .labels = cut(whole.labels),
          .loss_mask = cut(whole.loss_mask),
          .positions = at::arange(length, at::TensorOptions(at::kLong))};
}

/// One sequence of all documents, whose positions begin again in each.
Batch together() {
  Batch batch = batch_of(1, 11, kVocabulary);
  std::vector<Tensor> starts, positions;
  int64_t begin = 0;
  for (const int64_t length : kLengths) {
    const auto whole = at::TensorOptions(at::kLong);
    starts.push_back(at::full({length}, begin, whole));
    positions.push_back(at::arange(length, whole));
    begin += length;
  }
  batch.documents = at::cat(starts).view({1, -1});
  batch.positions = at::cat(positions);
  return batch;
}

std::vector<Tensor> gradients(Toy& toy) {
  toy.parameters.end_step();
  std::vector<Tensor> all;
  for (const Parameter& each : toy.parameters.all())
    if (each.gradient.defined()) all.push_back(each.gradient.clone());
  return all;
}

TEST(Documents, DoNotSeeEachOther) {
  Toy toy(two_layers());
  const Decoder decoder(toy.arch, toy.parameters);
  const Batch whole = together();
  const Tensor logits = decoder.logits(whole);
  toy.parameters.begin_step();
  double apart = 0;
  int64_t begin = 0;
  for (const int64_t length : kLengths) {
    const Batch alone = part_of(whole, begin, length);
    expect_close(logits.narrow(0, begin, length), decoder.logits(alone));
    apart += decoder.forward_backward(alone, 1).loss();
    begin += length;
  }
  const std::vector<Tensor> expected = gradients(toy);
  toy.parameters.begin_step();
  EXPECT_NEAR(decoder.forward_backward(whole, 1).loss(), apart, 1e-11);
  const std::vector<Tensor> found = gradients(toy);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) expect_close(found[i], expected[i], 1e-11);
}

TEST(Documents, SeeEachOtherUnlessTold) {
  Toy toy(two_layers());
  const Decoder decoder(toy.arch, toy.parameters);
  Batch whole = together();
  const Tensor apart = decoder.logits(whole);
  whole.documents = Tensor();
  const Tensor joined = decoder.logits(whole);
  expect_close(joined.narrow(0, 0, 4), apart.narrow(0, 0, 4));
  EXPECT_GT((joined - apart).narrow(0, 4, 7).abs().max().item<double>(), 1e-3);
}

}  // namespace
}  // namespace bascule
