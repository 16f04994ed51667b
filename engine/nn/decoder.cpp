#include "nn/decoder.h"

#include <ATen/record_function.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "nn/attention_block.h"
#include "nn/feed_forward.h"
#include "nn/moe.h"
#include "nn/recomputed.h"
#include "nn/residual.h"

namespace bascule {
namespace {

using at::Tensor;

std::unique_ptr<Block> mixer(const Parameters& parameters, const Arch& arch, const Layer& layer,
                             const std::string& at) {
  const Gqa* gqa = std::get_if<Gqa>(&layer.mixer);
  require(gqa != nullptr, Kind::unsupported,
          "training knows grouped-query attention only, and {} mixes otherwise", at);
  return std::make_unique<AttentionBlock>(parameters, arch, *gqa, at);
}

std::unique_ptr<Block> recomputed_if(bool wanted, std::unique_ptr<Block> block) {
  if (!wanted) return block;
  return std::make_unique<RecomputedBlock>(std::move(block));
}

std::unique_ptr<Block> feed_forward(const Parameters& parameters, const Layer& layer,
                                    const DecoderRules& rules, const std::string& at) {
  if (const Moe* moe = std::get_if<Moe>(&layer.feed_forward))
    return recomputed_if(rules.recompute.moe,
                         std::make_unique<MoeBlock>(parameters, *moe, rules.moe, at));
  const Mlp* mlp = std::get_if<Mlp>(&layer.feed_forward);
  require(mlp != nullptr, Kind::unsupported,
          "training knows layers with a feed-forward block only, and {} has none", at);
  return recomputed_if(
      rules.recompute.mlp,
      std::make_unique<FeedForwardBlock>(parameters, mlp->activation, mlp->gated, at + "mlp."));
}

/// Two residual blocks.
class DecoderLayer : public Block {
 public:
  DecoderLayer(const Parameters& parameters, const Arch& arch, const Layer& layer,
               const DecoderRules& rules, const std::string& at) {
    const auto norm = [&](const char* name) { return NormBlock(parameters, arch.norm, at + name); };
    const auto after = [&](const char* name) {
      return arch.sandwich ? std::optional(norm(name)) : std::nullopt;
    };
    parts_.emplace_back(norm("attn_norm"), mixer(parameters, arch, layer, at),
                        after("post_attn_norm"));
    const bool experts = std::holds_alternative<Moe>(layer.feed_forward);
    parts_.emplace_back(norm(experts ? "moe_norm" : "mlp_norm"),
                        feed_forward(parameters, layer, rules, at), after("post_mlp_norm"));
  }

  Tensor forward(const Tensor& in, const Batch& batch, Saved& saved) const override {
    saved.parts.resize(parts_.size());
    Tensor x = in;
    for (size_t i = 0; i < parts_.size(); ++i) x = parts_[i].forward(x, batch, saved.parts[i]);
    return x;
  }
  Tensor backward(const Tensor& dout, const Batch& batch, Saved& saved) const override {
    Tensor dx = dout;
    for (size_t i = parts_.size(); i-- > 0;) dx = parts_[i].backward(dx, batch, saved.parts[i]);
    return dx;
  }

 private:
  std::vector<Residual> parts_;
};

}  // namespace

Decoder::Decoder(const Arch& arch, const Parameters& parameters, const DecoderRules& rules)
    : embedding_(parameters, arch), head_(parameters, arch) {
  require(!arch.mtp && !arch.vision && !arch.hybrid, Kind::unsupported,
          "training does not know multi-token prediction, vision towers or hybrid models");
  const Recompute& recompute = rules.recompute;
  const size_t count = arch.layers.size();
  const size_t again = std::min(count, static_cast<size_t>(recompute.layers));
  for (size_t i = 0; i < count; ++i) {
    DecoderRules own = rules;
    if (i < again) own.recompute = {};  // the whole layer is recomputed
    layers_.push_back(std::make_unique<DecoderLayer>(parameters, arch, arch.layers[i], own,
                                                     fmt::format("layers.{}.", i)));
  }
  const auto together = static_cast<size_t>(recompute.together);
  for (size_t i = 0; i < again; i += together)
    spans_.push_back({i, std::min(again, i + together), true});
  if (again < count) spans_.push_back({again, count, false});
}

Tensor Decoder::hidden(const Batch& batch, Saved* saved) const {
  const c10::NoGradGuard guard;
  Tensor x = embedding_.forward(batch);
  if (saved) saved->parts.resize(layers_.size());
  for (const Span& span : spans_) {
    const Tensor in = x;
    for (size_t i = span.begin; i < span.end; ++i) {
      RECORD_USER_SCOPE(fmt::format("layers.{} forward", i));
      Saved own;
      x = layers_[i]->forward(x, batch, own);
      if (saved && !span.recomputed) saved->parts[i] = std::move(own);
    }
    if (saved && span.recomputed) saved->parts[span.begin].tensors = {in};
  }
  return x;
}

void Decoder::backward(const Tensor& dhidden, const Batch& batch, Saved& saved) const {
  const c10::NoGradGuard guard;
  Tensor dx = dhidden;
  for (size_t at = spans_.size(); at-- > 0;) {
    const Span& span = spans_[at];
    if (span.recomputed) {
      RECORD_USER_SCOPE(fmt::format("layers.{} recompute", span.begin));
      Tensor x = std::exchange(saved.parts[span.begin], {}).tensors[0];
      for (size_t i = span.begin; i < span.end; ++i)
        x = layers_[i]->forward(x, batch, saved.parts[i]);
    }
    for (size_t i = span.end; i-- > span.begin;) {
      RECORD_USER_SCOPE(fmt::format("layers.{} backward", i));
      dx = layers_[i]->backward(dx, batch, saved.parts[i]);
      accumulate(saved.parts[i]);
    }
  }
  embedding_.backward(dx, batch, saved);
  accumulate(saved);
}

Tensor Decoder::logits(const Batch& batch) const {
  const c10::NoGradGuard guard;
  return head_.logits(hidden(batch, nullptr), batch);
}

LossSum Decoder::loss(const Batch& batch) const {
  const c10::NoGradGuard guard;
  return head_.loss(hidden(batch, nullptr), batch, std::nullopt, nullptr);
}

LossSum Decoder::forward_backward(const Batch& batch, double scale) const {
  const c10::NoGradGuard guard;
  Saved saved;
  Tensor dx;
  const LossSum sum = head_.loss(hidden(batch, &saved), batch, scale, &dx);
  backward(dx, batch, saved);
  return sum;
}

}  // namespace bascule
