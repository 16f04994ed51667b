#include "python/engine/training.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>
#include <signal.h>

#include <memory>
#include <optional>
#include <tuple>

#include "base/caught_interrupt.h"
#include "base/check.h"
#include "python/core/raised.h"
#include "python/core/text.h"
#include "python/engine/tensor_caster.h"
#include "python/engine/told.h"
#include "settings/tree.h"
#include "train/failure.h"
#include "train/given_batch.h"
#include "train/trainer.h"

namespace bascule::python {
namespace {

namespace nb = nanobind;
using at::Tensor;
using Run = std::shared_ptr<Training>;

/// A Python object that C++ may copy and drop without the interpreter's lock.
using Held = std::shared_ptr<nb::object>;

Held held(nb::object object) {
  return {new nb::object(std::move(object)), [](nb::object* last) {
            const nb::gil_scoped_acquire locked;
            delete last;
          }};
}

/// A micro-batch as Python sees it: tokens, labels, loss_mask, position_ids, [sequences, length].
using Rows = std::tuple<Tensor, Tensor, Tensor, Tensor>;

Rows rows_of(const Batch& batch) {
  require(!batch.documents.defined(), Kind::unsupported,
          "dataset.reset_attention_mask is not supported with a forward_step of your own yet, as "
          "models take no such mask; the stock forward_step trains with it");
  const auto rows = [&](const Tensor& flat) { return flat.view({batch.sequences, batch.length}); };
  return {rows(batch.tokens), rows(batch.labels), rows(batch.loss_mask), rows(batch.positions)};
}

/// Of which data, the sample that it begins with, its sequences, and how many such there are.
nb::object place(const MicroBatchAt& at) {
  return nb::make_tuple(text(name(at.split)), at.consumed + at.index * at.sequences, at.sequences,
                        at.count);
}

Computed computed_by(const nb::object& hook, const MicroBatchAt& at,
                     const std::function<Batch()>& batch) {
  const nb::gil_scoped_acquire locked;
  const nb::object next = nb::cpp_function([&batch] {
    Batch taken;
    {
      const nb::gil_scoped_release released;
      taken = batch();
    }
    return rows_of(taken);
  });
  const auto [loss, tokens, reported] =
      nb::cast<std::tuple<double, double, std::vector<std::tuple<std::string, double, double>>>>(
          hook(place(at), next));
  Computed made{.sum = {loss, tokens}};
  for (const auto& [name, sum, count] : reported) made.reported.push_back({name, sum, count});
  return made;
}

Batch read_by(const nb::object& hook, const Training& run, const MicroBatchAt& at) {
  GivenBatch given;
  {
    const nb::gil_scoped_acquire locked;
    auto [tokens, labels, mask, positions] =
        nb::cast<std::tuple<Tensor, Tensor, Tensor, std::optional<Tensor>>>(hook(place(at)));
    given = {tokens, labels, mask, positions.value_or(Tensor())};
  }
  require(run.model.has_value(), Kind::internal, "the engine computes no module of others");
  const Arch& arch = run.model->arch;
  return given_batch(given, arch.vocab, arch.max_positions);
}

void tell(const nb::object& hook, const Moment& moment) {
  const nb::gil_scoped_acquire locked;
  std::string row;
  if (moment.step) row = to_json(*moment.step);
  if (moment.evaluation) row = to_json(*moment.evaluation);
  hook(text(moment.name), text(row), text(moment.path));
}

/// States of random generators as Python has them: words, position and the next normal number of
/// Python's and numpy's; bytes of torch's and the GPU's.
using Twister = std::tuple<std::vector<uint32_t>, int64_t, std::optional<double>>;
using States = std::tuple<Twister, Twister, nb::bytes, nb::bytes>;

Twister twister(const RandomState::Twister& from) {
  return {from.words, from.position, from.next_normal};
}
RandomState::Twister twister(const Twister& from) {
  const auto& [words, position, next_normal] = from;
  return {words, position, next_normal};
}
nb::bytes bytes_of(const std::string& from) { return nb::bytes(from.data(), from.size()); }
std::string bytes_of(const nb::bytes& from) { return {from.c_str(), from.size()}; }

States states(const RandomState& from) {
  return {twister(from.python), twister(from.numpy), bytes_of(from.torch), bytes_of(from.cuda)};
}

RandomState random_by(const nb::object& hook, const RandomState& before) {
  const nb::gil_scoped_acquire locked;
  const auto [python, numpy, torch, cuda] = nb::cast<States>(hook(nb::cast(states(before))));
  return {.python = twister(python),
          .numpy = twister(numpy),
          .torch = bytes_of(torch),
          .cuda = bytes_of(cuda),
          .named = before.named};
}

std::vector<NamedTensor> named_tensors(const nb::object& given) {
  std::vector<NamedTensor> all;
  for (auto& [name, tensor] : nb::cast<std::vector<std::pair<std::string, Tensor>>>(given))
    all.push_back({name, tensor});
  return all;
}

/// Of an object with `parameters`, a list of name, tensor and whether it is trained, and
/// `buffers()`, a list of name and tensor.
Module module_of(const nb::object& given) {
  Module module;
  for (const auto& [name, value, trained] :
       nb::cast<std::vector<std::tuple<std::string, Tensor, bool>>>(given.attr("parameters")))
    module.parameters.push_back({name, value, trained});
  module.buffers = [hook = held(given.attr("buffers"))] {
    const nb::gil_scoped_acquire locked;
    return named_tensors((*hook)());
  };
  return module;
}

/// Of a Python object with the methods `begun`, `tell` and, or None in their places, `has`, `read`,
/// `compute`, `random`, `log` and `module`.
Hooks hooks_of(const nb::object& given) {
  const auto hook = [&](const char* name) { return held(given.attr(name)); };
  const auto run = std::make_shared<Run>();
  Hooks hooks{.check = check_signals, .save_on_error = nb::cast<bool>(given.attr("save_on_error"))};
  hooks.begun = [hook = hook("begun"), run](const Run& begun) {
    *run = begun;
    const nb::gil_scoped_acquire locked;
    (*hook)(begun);
  };
  hooks.tell = [hook = hook("tell")](const Moment& moment) { tell(*hook, moment); };
  if (const Held has = hook("has"); !has->is_none())
    hooks.has = [has](Split split) {
      const nb::gil_scoped_acquire locked;
      return nb::cast<bool>((*has)(text(name(split))));
    };
  if (const Held read = hook("read"); !read->is_none())
    hooks.read = [read, run](const MicroBatchAt& at) { return read_by(*read, **run, at); };
  if (const Held log = hook("log"); !log->is_none())
    hooks.log = [log](int64_t step, const Scalars& scalars) {
      const nb::gil_scoped_acquire locked;
      nb::dict values;
      for (const auto& [name, value] : scalars) values[text(name)] = value;
      (*log)(step, values);
    };
  if (const Held random = hook("random"); !random->is_none())
    hooks.random = [random](const RandomState& before) { return random_by(*random, before); };
  if (const Held module = hook("module"); !module->is_none()) hooks.module = module_of(*module);
  if (const Held compute = hook("compute"); !compute->is_none())
    hooks.compute = [compute](const MicroBatchAt& at, const std::function<Batch()>& batch) {
      return computed_by(*compute, at, batch);
    };
  return hooks;
}

/// Runs `work` without the interpreter's lock. What Python raises in it comes out as it is.
template <class Work>
auto unlocked_with_hooks(Work work) {
  const nb::gil_scoped_release released;
  try {
    try {
      return work();
    } catch (nb::python_error&) {
      throw;
    } catch (...) {
      rethrow_without_stack(std::current_exception());
    }
  } catch (nb::python_error&) {
    throw;
  } catch (...) {
    throw cli::failure_of(std::current_exception());
  }
}

nb::object value(const TrainOutcome& outcome) {
  const auto& [step, steps, consumed_samples, loss, begun, saved, stopped, finished] = outcome;
  nb::dict fields;
  fields["step"] = step;
  fields["steps"] = steps;
  fields["consumed_samples"] = consumed_samples;
  fields["loss"] = loss;
  fields["begun"] = text(begun);
  fields["saved"] = saved.empty() ? nb::object(nb::none()) : text(saved);
  fields["stopped"] = stopped.empty() ? nb::object(nb::none()) : text(stopped);
  fields["finished"] = finished;
  return fields;
}

/// All settings by their paths, as JSON.
std::string settings_json(const Resolved& resolved) {
  Tree all = Tree::map();
  for (const ResolvedValue& each : resolved.values) all.set(each.path, each.value);
  return to_json(all);
}

nb::object train_from_python(const std::string& recipe, const nb::object& given,
                             nb::object listener, const nb::object& print) {
  Told told(std::move(listener));
  const bool own = !given.attr("module").is_none();
  const Resolved resolved = unlocked([&] {
    return resolve_text(recipe, "python", own ? ModelFrom::program : ModelFrom::settings);
  });
  given.attr("settled")(text(settings_json(resolved)));
  const Hooks hooks = hooks_of(given);
  const auto say = [&](const std::string& line) {
    const nb::gil_scoped_acquire locked;
    print(text(line));
  };
  for (const std::string& note : resolved.notes) print(text("note: " + note));
  const TrainOutcome outcome = unlocked_with_hooks([&] {
    std::optional<CaughtInterrupt> caught;  // SIGINT stays Python's: KeyboardInterrupt
    if (resolved.settings.train.exit_signal_handler) caught.emplace(SIGTERM);
    return train(resolved, told, say, hooks);
  });
  return value(outcome);
}

}  // namespace

void bind_training(nb::module_& module) {
  nb::class_<Training>(module, "Run")
      .def_prop_ro("step", [](const Run& run) { return run->counters.step; })
      .def_prop_ro("consumed_train_samples",
                   [](const Run& run) { return run->counters.consumed_train_samples; })
      .def_prop_ro("consumed_valid_samples",
                   [](const Run& run) { return run->counters.consumed_valid_samples; })
      .def_prop_ro("floating_point_operations_so_far",
                   [](const Run& run) { return run->counters.floating_point_operations_so_far; })
      .def_prop_ro("skipped", [](const Run& run) { return run->skipped; })
      .def_prop_ro("random", [](const Run& run) { return states(run->random); })
      .def("model", [](const Run& run) { return shared_model(*run); })
      .def("parameters",
           [](const Run& run) {
             std::vector<Tensor> values;
             for (const Parameter& each : run->parameters->all()) values.push_back(each.value);
             return values;
           })
      .def("add_gradients",
           [](const Run& run, const std::vector<std::optional<Tensor>>& given) {
             std::vector<Tensor> gradients;
             for (const auto& each : given) gradients.push_back(each.value_or(Tensor()));
             unlocked([&] { add_gradients(*run, gradients); });
           })
      .def("balance", [](const Run& run, double scale) { run->under_way->balance = scale; });
  module.def("train", train_from_python, nb::arg("recipe"), nb::arg("hooks"), nb::arg("listener"),
             nb::arg("print"));
}

}  // namespace bascule::python
