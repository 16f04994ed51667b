#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/progress.h"
#include "program/training_line.h"
#include "program/verbs.h"
#include "recipe/flops.h"
#include "recipe/resolve.h"
#include "train/peak_memory.h"
#include "train/start.h"
#include "train/trainer.h"

namespace bascule::cli {
namespace {

struct Wanted {
  std::string recipe;
  std::vector<std::string> overrides;
  bool dry_run = false;
};

using Json = nlohmann::ordered_json;

std::string as_json(const TrainOutcome& outcome) {
  const Json object = {{"ok", true},
                       {"step", outcome.step},
                       {"steps", outcome.steps},
                       {"consumed_samples", outcome.consumed_samples},
                       {"loss", outcome.loss ? Json(*outcome.loss) : Json()},
                       {"begun", outcome.begun},
                       {"saved", outcome.saved},
                       {"stopped", outcome.stopped}};
  return object.dump() + "\n";
}

std::string as_text(const TrainOutcome& outcome) {
  if (outcome.finished) return "";
  std::string text =
      "done: step " + std::to_string(outcome.step) + " of " + std::to_string(outcome.steps);
  if (!outcome.stopped.empty())
    text += ", stopped by " + outcome.stopped + "; the same command goes on from there";
  return text + "\n";
}

/// A comment of one line on why something is not known.
std::string reason(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return "# " + text + "\n";
}

/// A comment on the memory of a run here.
std::string memory_cost(const Settings& settings, const TrainedModel& model) {
  try {
    const PeakMemory peak = predicted_peak(settings, model);
    return fmt::format("# at most {:.3f} GB at its peak, on {}\n",
                       static_cast<double>(peak.bytes) / 1e9, peak.gpu ? "a GPU" : "the CPU");
  } catch (const Error& error) {
    if (error.kind() != Kind::unsupported) throw;
    return reason(error.what());
  }
}

/// What the run's model is and costs, as comments.
std::string costs_of(const Settings& settings, const TrainedModel& model) {
  const ParameterCounts counts = parameter_counts(model.arch);
  const int64_t sequences = global_batch_size(settings), length = settings.model.seq_length;
  const double flops = training_flops(model.arch, sequences, length);
  constexpr int64_t kEach = 4 + 4 + 8;  // a bf16 weight is the upper half of its master
  return fmt::format(
      "# {} parameters, {} of them used by a token\n"
      "# {} tokens and {:.3g} floating-point operations a step\n"
      "# {:.2f} GB for weights, gradients, masters and moments\n{}",
      counts.all, counts.active, sequences * length, flops,
      static_cast<double>(counts.all * kEach) / 1e9, memory_cost(settings, model));
}

/// A checkpoint that says what the model is need not be there yet: then settings are shown alone.
std::string costs(const Settings& settings) {
  if (settings.model.family) return costs_of(settings, described(settings));
  TrainedModel model;
  try {
    model = model_to_train(settings);
  } catch (const Error& error) {
    return reason(fmt::format("parameters and costs are not known: {}", error.what()));
  }
  return costs_of(settings, model);
}

/// Each setting that the YAML of a dry run shows, with where it comes from, and the comments.
std::string dry_run_json(const Resolved& resolved) {
  Json settings = Json::object(), costs_of_run = Json::array();
  for (const ResolvedValue& value : shown_values(resolved))
    settings[value.path] = {{"value", Json::parse(to_json(value.value))},
                            {"from", value.origin.place}};
  std::istringstream lines(costs(resolved.settings));
  for (std::string line; std::getline(lines, line);) costs_of_run.push_back(line.substr(2));
  const Json object = {
      {"ok", true}, {"recipe", resolved.recipe}, {"settings", settings}, {"costs", costs_of_run}};
  return object.dump(2) + "\n";
}

Result run(const Wanted& wanted, const Session& session) {
  const Resolved resolved = resolve(wanted.recipe, wanted.overrides);
  check_without_python(resolved.settings);
  Progress progress(session.err, session.quiet);
  for (const std::string& note : resolved.notes) progress.note(note);
  if (wanted.dry_run && session.json) return {.exit = 0, .out = dry_run_json(resolved), .err = {}};
  if (wanted.dry_run)
    return {.exit = 0, .out = to_annotated_yaml(resolved) + costs(resolved.settings), .err = {}};
  TrainingLine live(progress);
  Hooks hooks;
  if (!session.json)
    hooks.tell = [&](const bascule::Moment& moment) {
      if (moment.step) live.step(*moment.step);
    };
  const auto told = [&](const std::string& line) {
    if (session.quiet) return;
    progress.above([&] {
      if (session.json)
        say(line + "\n");  // stdout is for the object
      else
        write_all(STDOUT_FILENO, line + "\n");
    });
    live.draw();
  };
  const TrainOutcome outcome = train(resolved, progress, told, hooks);
  progress.finish();
  if (session.json) return {.exit = 0, .out = as_json(outcome), .err = {}};
  return {.exit = 0, .out = session.quiet ? "" : as_text(outcome), .err = {}};
}

Invocation make() {
  auto wanted = std::make_shared<Wanted>();
  Invocation made;
  made.options = {
      argument("RECIPE",
               "A recipe of the library (\"llama32_1b\"), or a YAML file (with \"/\" or .yaml).",
               wanted->recipe),
      {.name = "KEY=VALUE",
       .value = "KEY=VALUE",
       .help = "Settings that the recipe leaves or has otherwise: train.train_iters=100.",
       .take = [wanted](const std::string& word) { wanted->overrides.push_back(word); },
       .choices = {},
       .repeatable = true,
       .required = false},
      flag("--dry-run", "Print the resolved settings with where each comes from, and stop.",
           wanted->dry_run),
  };
  made.run = [wanted](const Session& session) { return run(*wanted, session); };
  return made;
}

}  // namespace

Verb train_verb() {
  return {
      .name = "train",
      .summary = "Train a model from a recipe.",
      .description =
          "Trains from random weights, from a model (checkpoint.pretrained_checkpoint: a Hugging "
          "Face directory or a Megatron checkpoint), or goes on where an earlier run stopped "
          "(checkpoint.load). Checkpoints are Megatron's: \"bascule export\" turns them into "
          "Hugging Face directories.",
      .examples =
          "# A hundred steps on made-up data, on this machine\n"
          "bascule train smollm2_135m train.train_iters=100\n\n"
          "# Only show the settings\n"
          "bascule train llama32_1b --dry-run",
      .make = make,
  };
}

}  // namespace bascule::cli
