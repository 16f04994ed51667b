#include "train/save.h"

#include <algorithm>

#include "base/check.h"
#include "base/commit.h"
#include "base/replace_directory.h"
#include "bridge/training_checkpoint.h"
#include "recipe/schedule.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using pickle::Value;

/// A parameter group as torch's AdamW and megatron-core keep it.
Value parameter_group(const Settings& settings, const Schedule& schedule, int64_t samples,
                      int64_t steps, double decay) {
  const OptimizerSettings& adam = settings.optimizer;
  return Value::dict({
      {"is_expert_parallel", false},
      {"default_config", true},
      {"wd_mult", decay},
      {"lr_mult", 1.0},
      {"is_decoupled_lr", false},
      {"max_lr", schedule.max_lr},
      {"min_lr", schedule.min_lr},
      {"lr", schedule.learning_rate(samples)},
      {"betas", Value::tuple({adam.adam_beta1, adam.adam_beta2})},
      {"eps", adam.adam_eps},
      {"weight_decay", schedule.weight_decay(samples) * decay},
      {"bias_correction", true},
      {"amsgrad", false},
      {"maximize", false},
      {"foreach", Value()},
      {"capturable", false},
      {"differentiable", false},
      {"fused", Value()},
      {"decoupled_weight_decay", true},
      {"step", steps},
  });
}

std::vector<std::pair<std::string, Value>> common(const Training& run, const Settings& settings) {
  const Schedule rule = schedule(settings);
  const int64_t samples = run.counters.consumed_train_samples;
  const auto group = [&](double decay) {
    return parameter_group(settings, rule, samples, run.optimizer->steps, decay);
  };
  const Value inner = Value::dict({{"param_groups", Value::list({group(1.0), group(0.0)})}});
  return {
      {kOperations, run.counters.floating_point_operations_so_far},
      {"optimizer",
       Value::dict({{"optimizer", inner}, {"param_state_sharding_type", "fully_reshardable"}})},
      {"opt_param_scheduler", Value::dict({
                                  {"max_lr", rule.max_lr},
                                  {"lr_warmup_steps", rule.warmup_steps},
                                  {"num_steps", samples},
                                  {"lr_decay_style", std::string(spelled(rule.style))},
                                  {"lr_decay_steps", rule.decay_steps},
                                  {"min_lr", rule.min_lr},
                                  {"start_wd", rule.start_weight_decay},
                                  {"end_wd", rule.end_weight_decay},
                                  {"wd_incr_style", std::string(spelled(rule.increase))},
                                  {"wd_incr_steps", rule.increase_steps},
                              })},
  };
}

/// Removes the oldest iterations beyond the newest `kept`.
void remove_old(const fs::path& root, int64_t kept) {
  if (kept < 0) return;
  std::vector<fs::path> iterations;
  for (const fs::directory_entry& entry : fs::directory_iterator(root))
    if (entry.is_directory() && entry.path().filename().string().starts_with("iter_"))
      iterations.push_back(entry.path());
  std::ranges::sort(iterations);
  const auto count = static_cast<int64_t>(iterations.size());
  for (int64_t i = 0; i < count - std::max<int64_t>(1, kept); ++i)
    remove_directory(iterations[static_cast<size_t>(i)]);
}

}  // namespace

void check_save(const Settings& settings) {
  if (!settings.checkpoint.save) return;
  check_target(fs::path(*settings.checkpoint.save) / "iter_0000000", /*overwrite=*/true);
}

fs::path save(const Training& run, const Resolved& resolved, Reporter& reporter) {
  const Settings& settings = resolved.settings;
  std::vector<NamedTensor> tensors = values(*run.parameters);
  std::vector<std::string> trained, prefixes;
  if (settings.checkpoint.save_optim) {
    prefixes = {kMasters, kFirstMoments, kSecondMoments};
    for (const NamedTensor& each : run.optimizer->masters()) trained.push_back(each.name);
    for (auto&& part :
         {run.optimizer->masters(kMasters), run.optimizer->first_moments(kFirstMoments),
          run.optimizer->second_moments(kSecondMoments)})
      tensors.insert(tensors.end(), part.begin(), part.end());
  }
  const ArenaSource source(std::move(tensors));
  TrainingCheckpoint checkpoint{
      .iteration = run.counters.step, .train_state = run.counters, .dtype = run.dtype};
  if (!prefixes.empty()) checkpoint.common = common(run, settings);
  checkpoint.files.emplace_back("bascule/recipe.yaml", to_annotated_yaml(resolved));
  const fs::path root = *settings.checkpoint.save;
  fs::path written = save_training_checkpoint(root, run.model,
                                              {.source = source,
                                               .local = run.parameters->dialect(),
                                               .trained = trained,
                                               .prefixes = prefixes},
                                              checkpoint, reporter);
  remove_old(root, settings.checkpoint.most_recent_k.value_or(-1));
  return written;
}

}  // namespace bascule
