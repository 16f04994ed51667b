// bascule._engine: what Python's models and training call. The package around it gives it words.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>

#include "python/core/raised.h"
#include "python/core/relay.h"
#include "python/core/text.h"
#include "python/core/values.h"
#include "python/engine/tensor_caster.h"
#include "python/engine/training.h"
#include "train/held_model.h"
#include "train/hf_tensors.h"

namespace bascule::python {
namespace {

namespace nb = nanobind;
using at::Tensor;
using Model = std::shared_ptr<LoadedModel>;

ModelOrigin origin_of(nb::handle given, const std::string& config) {
  if (given.is_none()) return {.config = config};
  return {.path = path(given, "path")};
}

std::pair<std::string, std::string> describe(nb::handle given, const std::string& config) {
  const ModelOrigin origin = origin_of(given, config);
  const Described found = unlocked([&] { return described_model(origin); });
  return {found.family, found.settings};
}

Model hold(nb::handle given, const std::string& config, const std::string& settings,
           const std::string& dtype, const std::string& device, bool with_weights, int64_t seed) {
  const Holding holding{.origin = origin_of(given, config),
                        .settings = settings,
                        .dtype = dtype,
                        .device = device,
                        .load_weights = with_weights,
                        .seed = seed};
  return unlocked([&] { return held_model(holding); });
}

/// Name, value, and whether training changes it.
std::vector<std::tuple<std::string, Tensor, bool>> parameters(const Model& model) {
  std::vector<std::tuple<std::string, Tensor, bool>> all;
  for (const Parameter& each : model->parameters->all())
    all.emplace_back(each.name, each.value, each.gradient.defined());
  return all;
}

nb::object save_hf(const Model& model, nb::handle target, bool overwrite, bool verify,
                   bool weights_alone, nb::object listener, bool line) {
  Options options;
  options.overwrite = overwrite;
  options.verify = verify;
  const std::string to = path(target, "target");
  Outcome outcome;
  attend({std::move(listener), line}, [&](Reporter& reporter) {
    outcome = export_hf(*model, to, options, reporter, weights_alone);
  });
  return value(outcome);
}

std::string save_checkpoint(const Model& model, nb::handle target, int64_t iteration,
                            nb::object listener, bool line) {
  const std::string to = path(target, "target");
  std::string made;
  attend({std::move(listener), line}, [&](Reporter& reporter) {
    made = save_megatron(*model, to, iteration, reporter).string();
  });
  return made;
}

}  // namespace
}  // namespace bascule::python

NB_MODULE(_engine, module) {
  using namespace bascule;
  using namespace bascule::python;
  namespace nb = nanobind;
  using nb::arg;
  nb::register_exception_translator(raise);
  nb::set_leak_warnings(false);  // torch keeps models until after the interpreter has counted
  module.doc() = "What is compiled of bascule's models. Use the package's functions, not these.";
  module.def("describe", python::describe, arg("path").none(), arg("config"));
  module.def(
      "check",
      [](nb::handle given, const std::string& config, const std::string& settings) {
        const ModelOrigin origin = origin_of(given, config);
        unlocked([&] { check_model(origin, settings); });
      },
      arg("path").none(), arg("config"), arg("settings"));
  nb::class_<LoadedModel>(module, "Model")
      .def_prop_ro("family",
                   [](const Model& model) { return std::string(model->model.family->name); })
      .def_prop_ro("vocab_size", [](const Model& model) { return model->model.arch.vocab; })
      .def("parameters", parameters)
      .def("load_weights",
           [](const Model& model, nb::handle given) {
             const std::string from = path(given, "path");
             unlocked([&] { load_weights(*model, from); });
           })
      .def("save_hf", save_hf)
      .def("save_checkpoint", save_checkpoint);
  module.def("hold", hold, arg("path").none(), arg("config"), arg("settings"), arg("dtype"),
             arg("device"), arg("with_weights"), arg("seed"));

  nb::class_<Forward>(module, "Forward")
      .def("logits", [](const Forward& it) { return unlocked([&] { return it.logits(); }); })
      .def("losses",
           [](const Forward& it, const Tensor& labels) {
             return unlocked([&] { return it.losses(labels); });
           })
      .def(
          "backward",
          [](Forward& it, const Tensor& gradient, const std::optional<Tensor>& labels,
             const std::vector<bool>& wanted) {
            return unlocked([&] { return it.backward(gradient, labels, wanted); });
          },
          arg("gradient"), arg("labels").none(), arg("wanted"));
  module.def(
      "forward",
      [](const Model& model, const Tensor& tokens, const std::optional<Tensor>& positions,
         bool kept) {
        return unlocked([&] { return Forward(model, tokens, positions.value_or(Tensor()), kept); });
      },
      arg("model"), arg("tokens"), arg("positions").none(), arg("kept"));

  nb::class_<HfTensors>(module, "HfTensors")
      .def(nb::init<Model>())
      .def("__len__", &HfTensors::count)
      .def("name", &HfTensors::name)
      .def("parameters", &HfTensors::parameters)
      .def("tensor",
           [](HfTensors& it, size_t index) { return unlocked([&] { return it.tensor(index); }); });
  bind_training(module);
}
