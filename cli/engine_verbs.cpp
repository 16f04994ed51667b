#include "cli/verb_table.h"

namespace bascule::cli {

std::vector<Verb> engine_verbs() {
  constexpr std::string_view kElsewhere =
      "Runs in bascule-engine, which links torch and is built apart: cmake --preset engine && "
      "cmake "
      "--build build/engine. It is looked for beside bascule, in ../libexec/bascule, in "
      "build/engine and on PATH; with it, this help lists the options.";
  return {
      {.name = "train",
       .summary = "Train a model from a recipe.",
       .description = kElsewhere,
       .examples = "# Train as a recipe says, with one setting changed\n"
                   "bascule train smollm2_135m train.train_iters=100",
       .make = nullptr,
       .usage = "RECIPE [key=value ...]"},
      {.name = "compare",
       .summary = "Run two models and compare what they compute.",
       .description = kElsewhere,
       .examples = "# Logits and greedy tokens of a model and its converted form\n"
                   "bascule compare Llama-3.2-1B checkpoints/llama",
       .make = nullptr,
       .usage = "A B [options]"},
      {.name = "generate",
       .summary = "Continue a text with a model.",
       .description = kElsewhere,
       .examples = "# What the model makes of a prompt\n"
                   "bascule generate checkpoints/llama \"The capital of France is\"",
       .make = nullptr,
       .usage = "PATH PROMPT [options]"},
  };
}

}  // namespace bascule::cli
