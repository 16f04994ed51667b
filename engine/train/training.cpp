#include "train/training.h"

#include <algorithm>

#include "base/check.h"
#include "model/megatron.h"

namespace bascule {
namespace {

Recompute recompute(const ModelSettings& model) {
  if (!model.recompute_granularity) return Recompute::none;
  return *model.recompute_granularity == RecomputeGranularity::full ? Recompute::full
                                                                    : Recompute::none;
}

/// The balancing losses are settings of training; what the model says is their default.
void take_balancing(const ModelSettings& settings, Arch& arch) {
  constexpr std::pair<std::string_view, Moe::Balance> kKinds[] = {
      {"none", Moe::Balance::none},
      {"aux_loss", Moe::Balance::aux},
      {"seq_aux_loss", Moe::Balance::seq_aux},
      {"global_aux_loss", Moe::Balance::global_aux},
  };
  for (Layer& layer : arch.layers) {
    Moe* moe = std::get_if<Moe>(&layer.feed_forward);
    if (!moe) continue;
    if (settings.moe_aux_loss_coeff) moe->aux_coefficient = *settings.moe_aux_loss_coeff;
    if (!settings.moe_router_load_balancing_type) continue;
    const auto* kind = std::ranges::find(kKinds, *settings.moe_router_load_balancing_type,
                                         &std::pair<std::string_view, Moe::Balance>::first);
    require(kind != std::end(kKinds), Kind::user,
            "model.moe_router_load_balancing_type is {}; none, aux_loss, seq_aux_loss and "
            "global_aux_loss exist",
            *settings.moe_router_load_balancing_type);
    moe->balance = kind->second;
  }
}

}  // namespace

Training make_training(TrainedModel model, const Settings& settings) {
  const int64_t length = settings.model.seq_length, most = model.arch.max_positions;
  require(most == 0 || length <= most, Kind::user,
          "model.seq_length is {}, but the model is made for {} positions", length, most);
  Training run;
  const bool bf16 = settings.mixed_precision.has_value();
  run.dtype = bf16 ? "bfloat16" : "float32";
  const Dialect local =
      megatron_local(model.arch, model.slots, {}, 0, {.vocab_multiple = model.vocab_multiple});
  run.parameters = std::make_unique<Parameters>(
      model.slots, local, Shards{}, ParameterOptions{.dtype = bf16 ? at::kBFloat16 : at::kFloat});
  Arch trained = model.arch;
  take_balancing(settings.model, trained);
  run.decoder = std::make_unique<Decoder>(trained, *run.parameters, recompute(settings.model));
  const OptimizerSettings& adam = settings.optimizer;
  run.optimizer = std::make_unique<Optimizer>(*run.parameters, AdamRule{.beta1 = adam.adam_beta1,
                                                                        .beta2 = adam.adam_beta2,
                                                                        .eps = adam.adam_eps,
                                                                        .clip = adam.clip_grad});
  run.model = std::move(model);
  run.counters.do_train = true;
  return run;
}

std::vector<NamedTensor> values(const Parameters& parameters) {
  std::vector<NamedTensor> all;
  for (const Parameter& each : parameters.all()) all.push_back({each.name, each.value});
  return all;
}

}  // namespace bascule
