#include "nn/attention_block.h"

#include <cmath>

#include "base/check.h"
#include "kernels/compute_type.h"

namespace bascule {
namespace {

using at::Tensor;

enum Part { kQkv, kQNorm, kKNorm, kOut };                        // of Saved::parts
enum Kept { kQueries, kKeys, kValues, kCore, kLogSum, kCount };  // of Saved::tensors

AttentionRule rule_of(const Gqa& gqa) {
  const double scalar = gqa.query_scalar.value_or(static_cast<double>(gqa.head_dim));
  return {.scale = 1 / std::sqrt(scalar), .window = gqa.window, .soft_cap = gqa.soft_cap};
}

/// [tokens, heads, dim] -> [sequences, heads, length, dim], a view.
Tensor by_head(const Tensor& x, const Batch& batch) {
  return x.view({batch.sequences, batch.length, x.size(1), x.size(2)}).transpose(1, 2);
}

/// [sequences, heads, length, dim] -> [tokens, heads, dim], dense: of a single sequence a reshape
/// alone would be a view.
Tensor by_token(const Tensor& x) {
  return x.transpose(1, 2).contiguous().view({x.size(0) * x.size(2), x.size(1), x.size(3)});
}

}  // namespace

AttentionBlock::AttentionBlock(const Parameters& parameters, const Arch& arch, const Gqa& gqa,
                               const std::string& at)
    : gqa_(gqa),
      rope_(arch.rope),
      theta_(gqa.window ? arch.rope.local_theta.value_or(arch.rope.theta) : arch.rope.theta),
      rule_(rule_of(gqa)),
      qkv_(parameters, {at + "attn.q", at + "attn.k", at + "attn.v"}),
      out_(parameters, {at + "attn.o"}) {
  require(!gqa.output_gate && !gqa.clip && arch.rope.sections.empty(), Kind::unsupported,
          "training does not know attention with an output gate, clipped projections or multimodal "
          "positions ({})",
          at);
  // A second base stands for layers without the long context's stretching (Gemma 3).
  if (gqa.window && arch.rope.local_theta) rope_.scaling.reset();
  if (gqa.sinks) sinks_ = &parameters.holding({at + "attn.sinks"});
  if (gqa.qk_norm == Gqa::QkNorm::none) return;
  q_norm_.emplace(parameters, arch.norm, at + "attn.q_norm");
  k_norm_.emplace(parameters, arch.norm, at + "attn.k_norm");
}

const RopeTable& AttentionBlock::table(const Batch& batch, at::ScalarType type) const {
  return batch.angles->get(rope_, theta_, gqa_.head_dim, batch.positions, type);
}

bool AttentionBlock::norms_heads() const {
  return q_norm_ && gqa_.qk_norm != Gqa::QkNorm::full_width;
}

void AttentionBlock::normalize(Tensor& queries, Tensor& keys, const Batch& batch,
                               Saved& saved) const {
  if (!norms_heads()) {  // norms of whole rows want them dense
    queries = queries.reshape({keys.size(0), gqa_.heads, gqa_.head_dim});
    keys = keys.contiguous();
    if (!q_norm_) return;
    queries = q_norm_->forward(queries.flatten(1), batch, saved.parts[kQNorm]).view_as(queries);
    keys = k_norm_->forward(keys.flatten(1), batch, saved.parts[kKNorm]).view_as(keys);
    return;
  }
  queries = q_norm_->forward(queries, batch, saved.parts[kQNorm]).flatten(1, 2);
  keys = k_norm_->forward(keys, batch, saved.parts[kKNorm]);
}

void AttentionBlock::normalize_backward(const Tensor& queries, const Tensor& keys, const Tensor& dq,
                                        const Tensor& dk, const Batch& batch, Saved& saved) const {
  if (norms_heads()) {
    q_norm_->backward_into(queries, dq.view(queries.sizes()), saved.parts[kQNorm]);
    k_norm_->backward_into(keys, dk, saved.parts[kKNorm]);
    return;
  }
  Tensor before_q = dq, before_k = dk;
  if (q_norm_) {
    before_q = q_norm_->backward(dq.flatten(1), batch, saved.parts[kQNorm]);
    before_k = k_norm_->backward(dk.flatten(1), batch, saved.parts[kKNorm]);
  }
  queries.copy_(before_q.view(queries.sizes()));
  keys.copy_(before_k.view(keys.sizes()));
}

Tensor AttentionBlock::forward(const Tensor& in, const Batch& batch, Saved& saved) const {
  saved.parts.resize(kOut + 1);
  const int64_t tokens = in.size(0), dim = gqa_.head_dim, group = gqa_.heads / gqa_.kv_heads;
  // A group of the projection's rows: its queries, its key, its value.
  const Tensor qkv =
      qkv_.forward(in, batch, saved.parts[kQkv]).view({tokens, gqa_.kv_heads, group + 2, dim});
  Tensor queries = qkv.narrow(2, 0, group), keys = qkv.select(2, group);
  Tensor values = qkv.select(2, group + 1);
  if (!norms_heads()) values = values.contiguous();  // these keep the projection, values included
  if (q_norm_ || !gqa_.rope) normalize(queries, keys, batch, saved);  // rope reads them as they are
  if (gqa_.rope) {
    const RopeTable& angles = table(batch, compute_type(in));
    queries = rope_forward(queries, angles);
    keys = rope_forward(keys, angles);
  }
  const AttentionInput input{by_head(queries, batch), by_head(keys, batch), by_head(values, batch),
                             sinks_ ? sinks_->value : Tensor(), batch.documents};
  AttentionOutput output = attention_forward(input, rule_);
  saved.tensors = {input.queries, input.keys, input.values, output.out, output.log_sum};
  return out_.forward(by_token(output.out).view({tokens, -1}), batch, saved.parts[kOut]);
}

Tensor AttentionBlock::backward(const Tensor& dout, const Batch& batch, Saved& saved) const {
  const int64_t tokens = dout.size(0), dim = gqa_.head_dim;
  const std::vector<Tensor> kept = std::move(saved.tensors);
  saved.tensors.clear();
  const Tensor dcore = out_.backward(dout, batch, saved.parts[kOut]);
  const AttentionInput input{kept[kQueries], kept[kKeys], kept[kValues],
                             sinks_ ? sinks_->value : Tensor(), batch.documents};
  AttentionInput gradients =
      attention_backward(by_head(dcore.view({tokens, gqa_.heads, dim}), batch), input,
                         {kept[kCore], kept[kLogSum]}, rule_);
  if (sinks_) saved.waiting.push_back({sinks_, gradients.sinks, {}});
  const Tensor dqkv = packed(by_token(gradients.queries), by_token(gradients.keys),
                             by_token(gradients.values), batch, saved);
  return qkv_.backward(dqkv.view({tokens, -1}), batch, saved.parts[kQkv]);
}

Tensor AttentionBlock::packed(Tensor dq, Tensor dk, const Tensor& dv, const Batch& batch,
                              Saved& saved) const {
  const int64_t tokens = dv.size(0), group = gqa_.heads / gqa_.kv_heads;
  Tensor packed = at::empty({tokens, gqa_.kv_heads, group + 2, gqa_.head_dim}, dv.options());
  const Tensor queries = packed.narrow(2, 0, group), keys = packed.select(2, group);
  packed.select(2, group + 1).copy_(dv);
  if (gqa_.rope && !q_norm_) {
    const RopeTable& angles = table(batch, compute_type(dv));
    rope_backward_into(queries, dq, angles);
    rope_backward_into(keys, dk, angles);
    return packed;
  }
  if (gqa_.rope) {
    const RopeTable& angles = table(batch, compute_type(dv));
    dq = rope_backward(dq, angles);
    dk = rope_backward(dk, angles);
  }
  normalize_backward(queries, keys, dq, dk, batch, saved);
  return packed;
}

}  // namespace bascule
