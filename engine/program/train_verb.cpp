#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/progress.h"
#include "program/verbs.h"
#include "recipe/resolve.h"
#include "train/trainer.h"

namespace bascule::cli {
namespace {

struct Wanted {
  std::string recipe;
  std::vector<std::string> overrides;
  bool dry_run = false;
};

std::string as_json(const TrainOutcome& outcome) {
  const nlohmann::ordered_json object = {{"ok", true},
                                         {"step", outcome.step},
                                         {"steps", outcome.steps},
                                         {"consumed_samples", outcome.consumed_samples},
                                         {"loss", outcome.loss},
                                         {"begun", outcome.begun},
                                         {"saved", outcome.saved},
                                         {"stopped", outcome.stopped}};
  return object.dump() + "\n";
}

std::string as_text(const TrainOutcome& outcome) {
  std::string text =
      "done: step " + std::to_string(outcome.step) + " of " + std::to_string(outcome.steps);
  if (!outcome.stopped.empty())
    text += ", stopped by " + outcome.stopped + "; the same command goes on from there";
  return text + "\n";
}

Result run(const Wanted& wanted, const Session& session) {
  const Resolved resolved = resolve(wanted.recipe, wanted.overrides);
  Progress progress(session.err, session.quiet);
  for (const std::string& note : resolved.notes) progress.note(note);
  if (wanted.dry_run) return {.exit = 0, .out = to_annotated_yaml(resolved), .err = {}};
  const TrainOutcome outcome = train(resolved, progress, [&](const std::string& line) {
    if (session.quiet) return;
    if (session.json)
      say(line + "\n");  // stdout is for the object
    else
      write_all(STDOUT_FILENO, line + "\n");
  });
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
