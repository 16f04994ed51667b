#include "train/module.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "train/optimizer_state.h"
#include "train/save.h"
#include "train/saved_schedule.h"
#include "train/start.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using at::Tensor;

/// The dtype of most of a module, with which the settings must agree.
at::ScalarType main_dtype(const Module& module, const Settings& settings) {
  const auto is = [](at::ScalarType type) {
    return [type](const Module::Part& part) { return part.value.scalar_type() == type; };
  };
  const auto& all = module.parameters;
  require(std::ranges::any_of(all, &Module::Part::trained), Kind::user,
          "the module has no parameter that requires a gradient");
  for (const Module::Part& part : all) {
    require(is(at::kFloat)(part) || is(at::kBFloat16)(part) || is(at::kDouble)(part),
            Kind::unsupported, "{} is of {}; parameters are float32, bfloat16 or float64",
            part.name, at::toString(part.value.scalar_type()));
    require(part.value.device() == all.front().value.device(), Kind::unsupported,
            "{} is on {} and {} on {}; training runs on one device so far", part.name,
            part.value.device().str(), all.front().name, all.front().value.device().str());
  }
  const bool half = std::ranges::any_of(all, is(at::kBFloat16));
  const bool wide = std::ranges::any_of(all, is(at::kDouble));
  require(!wide || std::ranges::all_of(all, is(at::kDouble)), Kind::unsupported,
          "some of the module's parameters are float64 and others are not; make it of one dtype");
  const bool asked = settings.mixed_precision.has_value();
  require(!half || asked, Kind::user,
          "the module has bfloat16 parameters; set mixed_precision=bf16_mixed");
  require(half || !asked, Kind::user,
          "mixed_precision is bf16_mixed, but the module has no bfloat16 parameters; call "
          "module.bfloat16() first, or set mixed_precision=null");
  return half ? at::kBFloat16 : wide ? at::kDouble : at::kFloat;
}

/// Slots have numbers for names, since names of ours mean things in slots.
void add_tensor(const std::string& name, const Tensor& value, bool fp32, ModuleForm& form,
                std::vector<std::string>& names) {
  const std::string id = fmt::format("tensor {}", names.size());
  form.slots.add({.id = id,
                  .shape = value.sizes().vec(),
                  .fp32 = fp32,
                  .init = Slot::Init::other,
                  // Megatron's rule
                  .decay = value.dim() != 1 && !name.ends_with(".bias") && name != "bias"});
  form.dialect.bindings.push_back(exact(name, Layout(id)));
  names.push_back(name);
}

ModuleForm module_form(const Module& module, at::ScalarType dtype) {
  ModuleForm form{.buffers = module.buffers};
  std::vector<std::string> names;
  for (const Module::Part& part : module.parameters)
    add_tensor(part.name, part.value,
               dtype == at::kBFloat16 && part.value.scalar_type() == at::kFloat, form, names);
  for (const NamedTensor& buffer : module.buffers()) {
    require(
        buffer.tensor.is_contiguous(), Kind::unsupported,
        "the buffer {} is not contiguous, as what is saved must be; register it as .contiguous()",
        buffer.name);
    add_tensor(buffer.name, buffer.tensor, false, form, names);
  }
  return form;
}

Training make_run(const Module& module, const Settings& settings) {
  const at::ScalarType dtype = main_dtype(module, settings);
  Training run;
  run.module = module_form(module, dtype);
  ParameterOptions options{.dtype = dtype, .device = module.parameters.front().value.device()};
  Dialect local;
  for (size_t i = 0; i < module.parameters.size(); ++i) {
    local.bindings.push_back(run.module->dialect.bindings[i]);
    if (!module.parameters[i].trained) options.frozen.insert(module.parameters[i].name);
  }
  run.parameters = std::make_shared<Parameters>(run.module->slots, local, Shards{}, options);
  const c10::NoGradGuard guard;
  for (size_t i = 0; i < module.parameters.size(); ++i)
    run.parameters->all()[i].value.copy_(module.parameters[i].value);
  equip(run, settings);
  return run;
}

/// The rows of a dialect whose tensors are trained.
Dialect trained_rows(const Training& run) {
  Dialect rows;
  for (const NamedTensor& master : run.optimizer->masters())
    rows.bindings.push_back(*run.module->dialect.find(master.name));
  return rows;
}

/// A checkpoint of a module, opened, which must hold what this one has and nothing else.
struct OpenedModule {
  fs::path path;
  std::unique_ptr<TorchDistSource> dist = {};
};

OpenedModule open_module(const fs::path& root, const Training& run) {
  OpenedModule opened{.path = iteration_directory(root)};
  opened.dist = TorchDistSource::open(opened.path);
  const auto targets = module_tensors(run);
  for (const NamedTensor& target : targets) {
    const auto found = find(*opened.dist, target.name);
    require(found.has_value(), Kind::mismatch, "{} is of another module: it holds no {}",
            opened.path.string(), target.name);
    const TensorInfo& held = opened.dist->tensors()[*found];
    const Shape wanted = target.tensor.sizes().vec();
    require(held.shape == wanted, Kind::mismatch,
            "{} is of another module: {} has the shape {} there, and {} here", opened.path.string(),
            target.name, to_string(held.shape), to_string(wanted));
    require(held.dtype == stored_dtype(target.tensor.scalar_type()), Kind::mismatch,
            "{}: {} is of {} there, and of {} here", opened.path.string(), target.name,
            torch_name(held.dtype), at::toString(target.tensor.scalar_type()));
  }
  for (const TensorInfo& held : opened.dist->tensors())
    require(held.name.starts_with("optimizer.") || run.module->dialect.find(held.name),
            Kind::mismatch, "{} is of another module: it holds {}, which this one has not",
            opened.path.string(), held.name);
  return opened;
}

void take_values(const OpenedModule& opened, Training& run) {
  const c10::NoGradGuard guard;
  const Dialect& rows = run.module->dialect;
  fill(run.module->slots, *opened.dist, rows, rows, {}, module_tensors(run));
  run.optimizer->take_masters();
}

}  // namespace

std::vector<NamedTensor> module_tensors(const Training& run) {
  std::vector<NamedTensor> all;
  for (const Parameter& each : run.parameters->all()) all.push_back({each.name, each.value});
  for (const NamedTensor& buffer : run.module->buffers()) all.push_back(buffer);
  return all;
}

Training start_module(const Module& module, const Settings& settings) {
  const CheckpointSettings& rules = settings.checkpoint;
  require(!rules.also_save_hf_checkpoint, Kind::unsupported,
          "checkpoint.also_save_hf_checkpoint is true, but a module of your own is no model that "
          "Hugging Face knows");
  Training run = make_run(module, settings);
  if (const auto root = to_resume(rules)) {
    const OpenedModule opened = open_module(*root, run);
    take_values(opened, run);
    const Dialect trained = trained_rows(run);
    resume({.path = opened.path, .dist = *opened.dist, .dialect = trained}, settings, run);
  } else if (rules.pretrained_checkpoint) {
    const OpenedModule opened = open_module(*rules.pretrained_checkpoint, run);
    take_values(opened, run);
    run.begun = fmt::format("weights from {}", opened.path.string());
  } else {
    run.begun = "the module's own weights";
  }
  return run;
}

void add_gradients(const Training& run, const std::vector<Tensor>& gradients) {
  const c10::NoGradGuard guard;
  const std::vector<Parameter>& all = run.parameters->all();
  require(gradients.size() == all.size(), Kind::internal, "{} gradients for {} parameters",
          gradients.size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const Parameter& parameter = all[i];
    if (!gradients[i].defined() || !parameter.gradient.defined()) continue;
    require(gradients[i].sizes() == parameter.gradient.sizes(), Kind::user,
            "the gradient of {} has another shape than the parameter", parameter.name);
    if (first_writes(parameter))
      parameter.gradient.copy_(gradients[i]);
    else
      parameter.gradient.add_(gradients[i]);
  }
}

}  // namespace bascule
