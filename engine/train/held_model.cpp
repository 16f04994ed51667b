#include "train/held_model.h"

#include <c10/core/GradMode.h>
#include <algorithm>

#include "base/check.h"
#include "bridge/opened.h"
#include "kernels/compute_type.h"
#include "kernels/device.h"
#include "recipe/check_settings.h"
#include "recipe/settings.h"
#include "settings/tree.h"
#include "train/given_batch.h"
#include "train/weights.h"
#include "train/world.h"

namespace bascule {
namespace {

using at::Tensor;

at::ScalarType scalar_type(const std::string& dtype) {
  if (dtype == "float32") return at::kFloat;
  if (dtype == "bfloat16") return at::kBFloat16;
  if (dtype == "float64") return at::kDouble;
  fail(Kind::user, "models are of float32, bfloat16 or float64, not of {}", dtype);
}

/// How models are run: settings of a recipe's group `model` that say nothing of what they are.
std::vector<Field> run_fields(Settings& settings) {
  Architecture architecture;
  FieldCollector collector("model.");
  architecture.fields(collector);
  const std::vector<Field> others = collector.take();
  std::vector<Field> all;
  for (Field& field : fields_of(settings)) {
    const bool run = field.group() == "model" && field.name() != "family" &&
                     field.name() != "seq_length" &&  // of the provider: what the model is made for
                     std::ranges::find(others, field.path, &Field::path) == others.end();
    if (run) all.push_back(std::move(field));
  }
  return all;
}

/// Takes from the provider's settings those of how it is run. Throws where training refuses them.
void check_run(Tree& provider, const Tree& architecture) {
  Settings settings;
  for (const Field& field : run_fields(settings)) {
    const std::string name(field.name());
    const Tree* value = provider.find(name);
    if (!value) continue;
    require(field.set(*value), Kind::user, "{} of the provider is {}, not {}", name, brief(*value),
            field.accepted);
    const Tree* own = architecture.find(name);
    if (own)
      provider.set(name, *own);
    else
      provider.erase(name);
  }
  check_model(settings.model);
}

/// The model that an origin becomes with other settings of its provider.
ProvidedModel configured(const ModelOrigin& origin, const std::string& settings) {
  require_one_rank();
  ProvidedModel found = provided(origin);
  Tree wanted = parse_json(settings, "the provider's settings");
  check_run(wanted, found.settings);
  configure(found, std::move(wanted));
  return found;
}

}  // namespace

Described described_model(const ModelOrigin& origin) {
  ProvidedModel found = provided(origin);
  Settings settings;
  for (const Field& field : run_fields(settings))
    if (!found.settings.find(field.name()))
      found.settings.append(std::string(field.name()), field.fallback);
  return {found.model.family->name, to_json(found.settings)};
}

void check_model(const ModelOrigin& origin, const std::string& settings) {
  configured(origin, settings);
}

std::shared_ptr<LoadedModel> held_model(const Holding& holding) {
  ProvidedModel found = configured(holding.origin, holding.settings);
  require(!holding.load_weights || found.opened.has_value(), Kind::user,
          "a configuration alone has no weights; ask for load_weights=False, or name a checkpoint");
  require(
      !holding.load_weights || found.changed.empty(), Kind::mismatch,
      "the provider's settings describe another model than {}, whose weights are asked for ({}); "
      "leave them as they were, or ask for load_weights=False",
      holding.origin.path, found.changed);
  const std::string& dtype = holding.dtype.empty() ? found.dtype : holding.dtype;
  auto made = std::make_shared<LoadedModel>(empty_model(
      std::move(found.model), {.dtype = scalar_type(dtype), .device = at::Device(holding.device)}));
  if (holding.load_weights)
    take_weights(*found.opened, made->model, *made->parameters);
  else
    take_random_weights(static_cast<uint64_t>(holding.seed), made->model, *made->parameters);
  return made;
}

void load_weights(const LoadedModel& model, const std::string& path) {
  take_weights(open_model(path, {}), model.model, *model.parameters);
}

Forward::Forward(std::shared_ptr<LoadedModel> model, const Tensor& tokens, const Tensor& positions,
                 bool kept)
    : model_(std::move(model)),
      kept_(kept),
      of_a_step_(kept && model_->under_way && model_->under_way->now) {
  const c10::NoGradGuard guard;
  require(tokens.dim() == 2 && tokens.numel() > 0, Kind::user,
          "input_ids are of {} dimensions; [sequences, length] is what a model takes",
          tokens.dim());
  const Arch& arch = model_->model.arch;
  const at::Device device = model_->parameters->device();
  batch_ = {.sequences = tokens.size(0), .length = tokens.size(1)};
  batch_.tokens = flat_ids(tokens, tokens, "input_ids");
  require_within(batch_.tokens, arch.vocab, "input_ids");
  require(arch.max_positions == 0 || batch_.length <= arch.max_positions, Kind::user,
          "sequences of {} tokens, and the model is made for {} positions", batch_.length,
          arch.max_positions);
  batch_.positions =
      positions.defined()
          ? flat_ids(positions, tokens, "position_ids")
          : at::arange(batch_.length, batch_.tokens.options()).repeat({tokens.size(0)});
  batch_.tokens = batch_.tokens.to(device);
  batch_.positions = batch_.positions.to(device);
  hidden_ = model_->decoder->hidden(batch_, kept ? &saved_ : nullptr);
}

Tensor Forward::logits() const {
  const c10::NoGradGuard guard;
  return model_->decoder->head()
      .logits(hidden_, batch_)
      .view({batch_.sequences, batch_.length, -1});
}

Tensor Forward::losses(const Tensor& labels) const {
  const c10::NoGradGuard guard;
  Batch batch = batch_;
  batch.labels = flat_ids(labels, batch_.tokens.view({batch_.sequences, batch_.length}), "labels")
                     .to(hidden_.device());
  require_within(batch.labels, model_->model.arch.vocab, "labels");
  return model_->decoder->head().losses(hidden_, batch).view({batch_.sequences, batch_.length});
}

std::vector<Tensor> Forward::backward(const Tensor& gradient, const std::optional<Tensor>& labels,
                                      const std::vector<bool>& wanted) {
  const c10::NoGradGuard guard;
  require(kept_, Kind::user,
          "the backward of this forward was computed already, or never kept; run it again");
  kept_ = false;
  Parameters& parameters = *model_->parameters;
  if (of_a_step_) {
    const UnderWay& step = *model_->under_way;
    require(step.now, Kind::user,
            "the backward of a step's forward came after the step, whose gradients are used");
    batch_.before = step.before;
    batch_.router_losses = step.router_losses;
    batch_.balance_scale =
        step.balance != 0 ? step.balance : static_cast<double>(batch_.sequences * batch_.length);
  } else {
    require(!model_->under_way || !model_->under_way->now, Kind::user,
            "the backward of a forward from outside of the step came during it, and would mix its "
            "gradients with the step's; run the forward again");
    parameters.begin_step();
  }
  Tensor dhidden;
  const Head& head = model_->decoder->head();
  if (labels) {
    Batch batch = batch_;
    batch.labels = labels->to(hidden_.device(), at::kLong).contiguous().view({-1});
    batch.loss_mask = gradient.to(compute_type(hidden_)).contiguous().view({-1});
    head.loss(hidden_, batch, 1.0, &dhidden);
  } else {
    dhidden =
        head.logits_backward(gradient.contiguous().view({hidden_.size(0), -1}), hidden_, batch_);
  }
  model_->decoder->backward(dhidden, batch_, saved_);
  if (of_a_step_) return std::vector<Tensor>(parameters.all().size());
  parameters.end_step();
  std::vector<Tensor> gradients;
  for (size_t i = 0; i < parameters.all().size(); ++i) {
    const Parameter& each = parameters.all()[i];
    gradients.push_back(each.gradient.defined() && wanted.at(i)
                            ? each.gradient.to(each.value.scalar_type(), /*non_blocking=*/false,
                                               /*copy=*/true)
                            : Tensor());
  }
  return gradients;
}

}  // namespace bascule
