#include "train/optimizer_state.h"

#include <cmath>

#include "base/check.h"
#include "bridge/training_checkpoint.h"
#include "store/torch_dist/torch_archive.h"

namespace bascule {
namespace {

using pickle::Type;
using pickle::Value;

/// One kind of the optimizer's tensors.
void take_state(const StoredRun& stored, const Training& run, const std::string& prefix,
                const std::vector<NamedTensor>& targets) {
  Dialect local;
  for (const Binding& row : run.parameters->dialect().bindings)
    for (const NamedTensor& target : targets)
      if (target.name == row.name) local.bindings.push_back(row);
  fill(run.model ? run.model->slots : run.module->slots, stored.dist,
       optimizer_dialect(stored.dialect, prefix), local, {}, targets);
}

std::optional<Value> find_in(const std::optional<Value>& dict, std::string_view key) {
  return dict && dict->type() == Type::dict ? dict->find(key) : std::nullopt;
}

std::string sharding_of(const TorchDistSource& source) {
  const auto type = find_in(source.content_metadata(), "distrib_optim_sharding_type");
  return type && type->type() == Type::string ? std::string(type->string()) : "";
}

/// The prefix under which a checkpoint keeps masters; empty where it has none.
std::string masters_prefix(const TensorSource& source, const std::string& name) {
  for (const char* prefix : {kMasters, "optimizer.state.fp32_param."})
    if (find(source, prefix + name)) return prefix;
  return "";
}

/// The state of torch's optimizer inside of Megatron's: that of an fp32 run is not wrapped, and
/// several chained ones (experts apart) are numbered and have made the same steps.
std::optional<Value> inner_state(const StoredRun& stored) {
  std::optional<Value> outer = find_in(stored.dist.common(), "optimizer");
  if (outer && outer->type() == Type::dict && outer->size() > 0 &&
      outer->key(0).type() == Type::integer)
    outer = outer->value(0);
  const std::optional<Value> wrapped = find_in(outer, "optimizer");
  return wrapped ? wrapped : outer;
}

/// Updates that the moments have seen: of the first parameter group, or the step that all have in
/// common, a tensor.
std::optional<double> stored_steps(const StoredRun& stored) {
  const std::optional<Value> inner = inner_state(stored);
  const auto groups = find_in(inner, "param_groups");
  if (groups && groups->type() == Type::list && groups->size() > 0)
    if (const auto step = find_in(groups->at(0), "step")) return step->number();
  const auto common = find_in(find_in(inner, "state"), "common_step");
  if (!common) return {};
  if (!is_tensor(*common)) return common->number();
  return open_torch_file(stored.path / "common.pt").scalar(*common).number();
}

int64_t optimizer_steps(const StoredRun& stored) {
  const std::optional<double> steps =
      in_context((stored.path / "common.pt").string(), [&] { return stored_steps(stored); });
  require(steps.has_value(), Kind::mismatch,
          "{} does not say how many updates its optimizer has made; take its weights alone: "
          "checkpoint.load_optim=false",
          stored.path.string());
  require(*steps >= 0 && *steps < 1e15 && *steps == std::floor(*steps), Kind::format,
          "{} says that its optimizer has made {} updates", stored.path.string(), *steps);
  return static_cast<int64_t>(*steps);
}

}  // namespace

void take_optimizer(const StoredRun& stored, Training& run) {
  const TorchDistSource& source = stored.dist;
  const std::string any = stored.dialect.bindings.front().name;
  const std::string type = sharding_of(source);
  require(type.empty() || type == "fully_reshardable", Kind::unsupported,
          "{} keeps the optimizer's state as {}, which only the same layout can read; save it with "
          "--dist-ckpt-optim-fully-reshardable (Bridge: "
          "checkpoint.dist_ckpt_optim_fully_reshardable=true), or take the weights alone: "
          "checkpoint.load_optim=false",
          stored.path.string(), type);
  require(find(source, kFirstMoments + any).has_value(), Kind::mismatch,
          "{} holds weights and no optimizer state; take them with checkpoint.load_optim=false or "
          "as checkpoint.pretrained_checkpoint",
          stored.path.string());
  take_state(stored, run, kFirstMoments, run.optimizer->first_moments());
  take_state(stored, run, kSecondMoments, run.optimizer->second_moments());
  if (const std::string prefix = masters_prefix(source, any); !prefix.empty())
    take_state(stored, run, prefix, run.optimizer->masters());
  run.optimizer->steps = optimizer_steps(stored);
}

}  // namespace bascule
