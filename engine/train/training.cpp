#include "train/training.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/device.h"
#include "model/megatron.h"
#include "train/tokenizer_files.h"

namespace bascule {
namespace {

bool names(const ModelSettings& model, std::string_view module) {
  return model.recompute_modules &&
         std::ranges::find(*model.recompute_modules, module) != model.recompute_modules->end();
}

/// Scores of attention are never kept, so that selective recomputation of core_attn is nothing
/// more.
Recompute recompute(const ModelSettings& model, int64_t layers) {
  if (!model.recompute_granularity) return {};
  if (*model.recompute_granularity == RecomputeGranularity::selective)
    return {.mlp = names(model, "mlp"), .moe = names(model, "moe")};
  const int64_t count = model.recompute_num_layers.value_or(1);
  if (model.recompute_method == RecomputeMethod::block) return {.layers = count};
  return {.layers = layers, .together = count};
}

MoeRules moe_rules(const ModelSettings& model) {
  return {.z_coefficient = model.moe_z_loss_coeff.value_or(0),
          .capacity = model.moe_expert_capacity_factor,
          .drop_last = model.moe_token_drop_policy == TokenDropPolicy::position,
          .in_turn = model.moe_router_force_load_balancing};
}

struct BalanceKind {
  std::string_view setting;
  Moe::Balance kind;
  const char* reported;
};
constexpr BalanceKind kKinds[] = {
    {"none", Moe::Balance::none, nullptr},
    {"aux_loss", Moe::Balance::aux, "load_balancing_loss"},
    {"seq_aux_loss", Moe::Balance::seq_aux, "seq_load_balancing_loss"},
    {"global_aux_loss", Moe::Balance::global_aux, "global_load_balancing_loss"},
};

/// The balancing losses are settings of training; what the model says is their default.
void take_balancing(const ModelSettings& settings, Arch& arch) {
  for (Layer& layer : arch.layers) {
    Moe* moe = std::get_if<Moe>(&layer.feed_forward);
    if (!moe) continue;
    if (settings.moe_aux_loss_coeff) moe->aux_coefficient = *settings.moe_aux_loss_coeff;
    if (!settings.moe_router_load_balancing_type) continue;
    const auto* kind =
        std::ranges::find(kKinds, *settings.moe_router_load_balancing_type, &BalanceKind::setting);
    require(kind != std::end(kKinds), Kind::user,
            "model.moe_router_load_balancing_type is {}; none, aux_loss, seq_aux_loss and "
            "global_aux_loss exist",
            *settings.moe_router_load_balancing_type);
    moe->balance = kind->kind;
  }
}

RouterLosses router_losses(const Arch& arch, const MoeRules& rules, at::Device device) {
  RouterLosses made;
  for (const Layer& layer : arch.layers) {
    const Moe* moe = std::get_if<Moe>(&layer.feed_forward);
    if (!moe) continue;
    ++made.layers;
    if (moe->aux_coefficient != 0)
      made.names[0] = std::ranges::find(kKinds, moe->balance, &BalanceKind::kind)->reported;
  }
  if (made.layers > 0 && rules.z_coefficient != 0) made.names[1] = "z_loss";
  if (made.names[0] || made.names[1])
    made.sums = at::zeros({2}, at::TensorOptions(at::kDouble).device(device));
  return made;
}

}  // namespace

Training make_training(TrainedModel model, const Settings& settings, at::Device device) {
  const int64_t length = settings.model.seq_length, most = model.arch.max_positions;
  require(most == 0 || length <= most, Kind::user,
          "model.seq_length is {}, but the model is made for {} positions", length, most);
  require(
      !settings.dataset.reset_attention_mask || !on_gpu(device), Kind::unsupported,
      "dataset.reset_attention_mask=true is not supported on a GPU yet, whose attention does not "
      "stop at documents; BASCULE_DEVICE=cpu trains without one");
  Training run;
  const bool bf16 = settings.mixed_precision.has_value();
  const Dialect local =
      megatron_local(model.arch, model.slots, {}, 0, {.vocab_multiple = model.vocab_multiple});
  run.parameters = std::make_shared<Parameters>(
      model.slots, local, Shards{},
      ParameterOptions{.dtype = bf16 ? at::kBFloat16 : at::kFloat, .device = device});
  Arch trained = model.arch;
  take_balancing(settings.model, trained);
  const auto layers = static_cast<int64_t>(trained.layers.size());
  const DecoderRules rules{.recompute = recompute(settings.model, layers),
                           .moe = moe_rules(settings.model)};
  run.decoder = std::make_shared<Decoder>(trained, *run.parameters, rules);
  run.router_losses = router_losses(trained, rules.moe, device);
  // Megatron counts what it pads with, so that all experts seem equally busy.
  if (!settings.model.moe_pad_expert_input_to_capacity)
    run.expert_bias_rate = settings.model.moe_router_bias_update_rate;
  run.model = std::move(model);
  if (settings.tokenizer.tokenizer_model)
    run.model->tokenizer = tokenizer_files(*settings.tokenizer.tokenizer_model);
  equip(run, settings);
  return run;
}

void equip(Training& run, const Settings& settings) {
  // Of the whole process. ATen refuses what cannot give the same bits twice.
  if (settings.model.deterministic_mode)
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  run.count_zeros = settings.optimizer.log_num_zeros_in_grad;
  run.measure_parameters = settings.logger.log_params_norm;
  const OptimizerSettings& adam = settings.optimizer;
  run.optimizer = std::make_unique<Optimizer>(*run.parameters, AdamRule{.beta1 = adam.adam_beta1,
                                                                        .beta2 = adam.adam_beta2,
                                                                        .eps = adam.adam_eps,
                                                                        .clip = adam.clip_grad});
  run.schedule = schedule(settings);
  run.random = seeded_random_state(static_cast<uint64_t>(settings.rng.seed));
  run.counters.do_train = true;
}

std::shared_ptr<LoadedModel> shared_model(const Training& run) {
  return std::make_shared<LoadedModel>(LoadedModel{.model = *run.model,
                                                   .dtype = run.parameters->options().dtype,
                                                   .parameters = run.parameters,
                                                   .decoder = run.decoder,
                                                   .under_way = run.under_way});
}

}  // namespace bascule
