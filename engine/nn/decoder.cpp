#include "nn/decoder.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "base/check.h"
#include "nn/attention_block.h"
#include "nn/feed_forward.h"
#include "nn/moe.h"
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

std::unique_ptr<Block> feed_forward(const Parameters& parameters, const Layer& layer,
                                    const std::string& at) {
  if (const Moe* moe = std::get_if<Moe>(&layer.feed_forward))
    return std::make_unique<MoeBlock>(parameters, *moe, at);
  const Mlp* mlp = std::get_if<Mlp>(&layer.feed_forward);
  require(mlp != nullptr, Kind::unsupported,
          "training knows layers with a feed-forward block only, and {} has none", at);
  return std::make_unique<FeedForwardBlock>(parameters, mlp->activation, mlp->gated, at + "mlp.");
}

/// Two residual blocks.
class DecoderLayer : public Block {
 public:
  DecoderLayer(const Parameters& parameters, const Arch& arch, const Layer& layer,
               const std::string& at) {
    const auto norm = [&](const char* name) { return NormBlock(parameters, arch.norm, at + name); };
    const auto after = [&](const char* name) {
      return arch.sandwich ? std::optional(norm(name)) : std::nullopt;
    };
    parts_.emplace_back(norm("attn_norm"), mixer(parameters, arch, layer, at),
                        after("post_attn_norm"));
    const bool experts = std::holds_alternative<Moe>(layer.feed_forward);
    parts_.emplace_back(norm(experts ? "moe_norm" : "mlp_norm"),
                        feed_forward(parameters, layer, at), after("post_mlp_norm"));
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

Decoder::Decoder(const Arch& arch, const Parameters& parameters, Recompute recompute)
    : embedding_(parameters, arch), head_(parameters, arch), recompute_(recompute) {
  require(!arch.mtp && !arch.vision && !arch.hybrid, Kind::unsupported,
          "training does not know multi-token prediction, vision towers or hybrid models");
  for (size_t i = 0; i < arch.layers.size(); ++i)
    layers_.push_back(std::make_unique<DecoderLayer>(parameters, arch, arch.layers[i],
                                                     fmt::format("layers.{}.", i)));
}

Tensor Decoder::hidden(const Batch& batch, std::vector<Saved>* saved) const {
  Tensor x = embedding_.forward(batch);
  for (size_t i = 0; i < layers_.size(); ++i) {
    Saved own;
    const Tensor in = x;
    x = layers_[i]->forward(in, batch, own);
    if (!saved) continue;
    if (recompute_ == Recompute::full) {
      own = {};
      own.tensors = {in};
    }
    (*saved)[i] = std::move(own);
  }
  return x;
}

Tensor Decoder::logits(const Batch& batch) const {
  const c10::NoGradGuard guard;
  return head_.logits(hidden(batch, nullptr), batch);
}

LossSum Decoder::loss(const Batch& batch) const {
  const c10::NoGradGuard guard;
  Saved unused;
  return head_.loss(hidden(batch, nullptr), batch, std::nullopt, nullptr, unused);
}

LossSum Decoder::forward_backward(const Batch& batch, double scale) const {
  const c10::NoGradGuard guard;
  std::vector<Saved> saved(layers_.size());
  Saved ends;
  Tensor dx;
  const LossSum sum = head_.loss(hidden(batch, &saved), batch, scale, &dx, ends);
  accumulate(ends);
  for (size_t i = layers_.size(); i-- > 0;) {
    if (recompute_ == Recompute::full) {
      const Tensor in = saved[i].tensors[0];
      saved[i] = {};
      layers_[i]->forward(in, batch, saved[i]);
    }
    dx = layers_[i]->backward(dx, batch, saved[i]);
    accumulate(saved[i]);
  }
  embedding_.backward(dx, batch, ends);
  accumulate(ends);
  return sum;
}

}  // namespace bascule
