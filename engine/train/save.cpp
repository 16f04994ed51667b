#include "train/save.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "base/check.h"
#include "base/commit.h"
#include "base/directories.h"
#include "base/filesystem.h"
#include "bridge/training_checkpoint.h"
#include "train/saved_schedule.h"
#include "train/weights.h"

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
  const int64_t samples = run.scheduled;
  const auto group = [&](double decay) {
    return parameter_group(settings, run.schedule, samples, run.optimizer->steps, decay);
  };
  const Value inner = Value::dict({{"param_groups", Value::list({group(1.0), group(0.0)})}});
  return {
      {kOperations, run.counters.floating_point_operations_so_far},
      {"optimizer",
       Value::dict({{"optimizer", inner}, {"param_state_sharding_type", "fully_reshardable"}})},
      {kScheduleKey, saved_schedule(run.schedule, samples)},
  };
}

/// The number in iter_NNNNNNN; none in other names, which are not ours to remove.
std::optional<int64_t> iteration_number(const std::string& name) {
  constexpr std::string_view kPrefix = "iter_";
  int64_t number = 0;
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const char* const end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data() + kPrefix.size(), end, number);
  if (error != std::errc() || at != end || number < 0) return std::nullopt;
  return number;
}

/// Removes the oldest iterations beyond the newest `kept` up to `newest`, which was just written.
/// Later ones are of a run that went on from elsewhere, and are left alone.
void remove_old(const fs::path& root, int64_t newest, int64_t kept) {
  if (kept < 0) return;
  std::vector<std::pair<int64_t, fs::path>> iterations;
  filesystem_work([&] {
    for (const fs::directory_entry& entry : fs::directory_iterator(root)) {
      const auto number = iteration_number(entry.path().filename().string());
      if (number && *number <= newest && fs::is_directory(entry.symlink_status()))
        iterations.emplace_back(*number, entry.path());
    }
  });
  std::ranges::sort(iterations);
  const auto count = static_cast<int64_t>(iterations.size());
  for (int64_t i = 0; i < count - std::max<int64_t>(1, kept); ++i)
    remove_iteration(iterations[static_cast<size_t>(i)].second);
}

/// What identifies a tensor's values, of meta tensors, too: views may begin where others do.
using View = std::tuple<const void*, int64_t, at::ScalarType, Shape, Shape>;
View view_of(const at::Tensor& tensor) {
  return {tensor.storage().unsafeGetStorageImpl(), tensor.storage_offset(), tensor.scalar_type(),
          tensor.sizes().vec(), tensor.strides().vec()};
}

/// Values, and with `optimizer` what it keeps of them under the prefixes of a checkpoint. A
/// parameter is there twice: as itself, and as its master or the upper half of it.
std::vector<NamedTensor> tensors_of(const Training& run, bool optimizer) {
  std::vector<NamedTensor> tensors = run.module ? module_tensors(run) : values(*run.parameters);
  if (!optimizer) return tensors;
  for (auto&& part : {run.optimizer->masters(kMasters), run.optimizer->first_moments(kFirstMoments),
                      run.optimizer->second_moments(kSecondMoments)})
    tensors.insert(tensors.end(), part.begin(), part.end());
  return tensors;
}

/// Puts dense copies on the host in the tensors' place, one for those of the same values.
void copy_to_host(std::vector<NamedTensor>& tensors) {
  std::map<View, at::Tensor> copies;
  try {
    for (NamedTensor& each : tensors)
      for (at::Tensor* tensor : {&each.tensor, &each.remainders}) {
        if (!tensor->defined()) continue;
        at::Tensor& copy = copies[view_of(*tensor)];
        if (!copy.defined())
          copy = tensor->to(tensor->options().device(at::kCPU), /*non_blocking=*/false,
                            /*copy=*/true);
        *tensor = copy;
      }
  } catch (const c10::Error& error) {
    fail(Kind::environment,
         "checkpoint.async_save could not copy the run to the host's memory ({}); set it to false",
         error.what_without_backtrace());
  }
}

CheckpointForm form_of(const Training& run, const Settings& settings) {
  if (run.module) return {.global = run.module->dialect};
  const std::string dtype(torch_name(stored_dtype(run.parameters->options().dtype)));
  return checkpoint_form(
      *run.model, dtype,
      {.optimizer = settings.checkpoint.save_optim, .random_state = settings.checkpoint.save_rng});
}

}  // namespace

void check_save(const Settings& settings) {
  if (!settings.checkpoint.save) return;
  const fs::path root = *settings.checkpoint.save;
  in_context("checkpoint.save", [&] {
    check_target(root / "iter_0000000", /*overwrite=*/true);
    make_durable_directories(root);
  });
}

int64_t copied_bytes(const Training& run, const Settings& settings) {
  std::map<View, int64_t> sizes;
  for (const NamedTensor& each : tensors_of(run, settings.checkpoint.save_optim))
    for (const at::Tensor& tensor : {each.tensor, each.remainders})
      if (tensor.defined()) sizes[view_of(tensor)] = static_cast<int64_t>(tensor.nbytes());
  int64_t bytes = 0;
  for (const auto& [view, size] : sizes) bytes += size;
  return bytes;
}

struct Snapshot {
  Slots slots;
  CheckpointForm form;
  Dialect local;
  std::vector<NamedTensor> tensors;
  std::vector<std::string> trained, prefixes;
  TrainingCheckpoint checkpoint;
  CheckpointSettings rules;
};

std::shared_ptr<const Snapshot> snapshot(const Training& run, const Resolved& resolved,
                                         bool copied) {
  const Settings& settings = resolved.settings;
  auto made = std::make_shared<Snapshot>();
  made->slots = run.model ? run.model->slots : run.module->slots;
  made->local = run.model ? run.parameters->dialect() : run.module->dialect;
  made->rules = settings.checkpoint;
  made->tensors = tensors_of(run, settings.checkpoint.save_optim);
  if (settings.checkpoint.save_optim) {
    made->prefixes = {kMasters, kFirstMoments, kSecondMoments};
    for (const NamedTensor& each : run.optimizer->masters()) made->trained.push_back(each.name);
  }
  if (copied) copy_to_host(made->tensors);
  made->form = form_of(run, settings);
  made->checkpoint = {.iteration = run.counters.step,
                      .train_state = run.counters,
                      .with_hf = settings.checkpoint.also_save_hf_checkpoint};
  if (!made->prefixes.empty()) made->checkpoint.common = common(run, settings);
  if (settings.checkpoint.save_rng) made->checkpoint.random = run.random;
  made->checkpoint.files.emplace_back("bascule/recipe.yaml", to_annotated_yaml(resolved));
  return made;
}

fs::path write(const Snapshot& snapshot, Reporter& reporter) {
  const fs::path root = *snapshot.rules.save;
  const ArenaSource source(snapshot.tensors);
  fs::path written = save_training_checkpoint(root, snapshot.slots, snapshot.form,
                                              {.source = source,
                                               .local = snapshot.local,
                                               .trained = snapshot.trained,
                                               .prefixes = snapshot.prefixes},
                                              snapshot.checkpoint, reporter);
  remove_old(root, snapshot.checkpoint.iteration, snapshot.rules.most_recent_k.value_or(-1));
  return written;
}

}  // namespace bascule
