#include "cli/conversion.h"
#include "cli/verb_table.h"

namespace bascule::cli {
namespace {

Invocation make() {
  auto told = std::make_shared<Conversion>();
  Invocation made;
  made.options = {
      argument("CKPT_DIR",
               "A Megatron checkpoint: its root, of which the latest iteration is taken, or one "
               "iter_NNNNNNN.",
               told->source),
      argument("HF_DIR", "The directory to make. One that is not empty needs --overwrite.",
               told->target),
  };
  for (Option& option : export_options(*told)) made.options.push_back(std::move(option));
  made.run = [told](const Session& session) {
    return convert(*told, session, "export", export_checkpoint);
  };
  return made;
}

}  // namespace

std::vector<Option> export_options(Conversion& told) {
  std::vector<Option> made = writing_options(told.options);
  for (Option& option : reading_options(told.options, told.threads))
    made.push_back(std::move(option));
  return made;
}

Verb export_verb() {
  return {
      .name = "export",
      .summary = "Convert a Megatron checkpoint into a Hugging Face model.",
      .description =
          "Reads a Megatron Core distributed checkpoint, written by bascule, Megatron Bridge, "
          "Megatron-LM or a training run, by any number of ranks, and writes a Hugging Face "
          "directory that "
          "transformers loads. Needs no network and no original model: config.json and tokenizer "
          "come out of the checkpoint, or config.json is made from run_config.yaml or "
          "Megatron-LM's "
          "arguments.\n\n"
          "The result appears under its name only when it is complete, was read again and is "
          "equal. A run that was interrupted goes on where it stopped when the same command is "
          "given again.",
      .examples =
          "# The latest iteration of a checkpoint\n"
          "bascule export checkpoints/llama exported/llama\n\n"
          "# One iteration, as float16\n"
          "bascule export checkpoints/llama/iter_0000000 exported/fp16 --dtype "
          "float16\n\n"
          "# One that Megatron Bridge wrote for a family that it does not name\n"
          "bascule export checkpoints/trained exported/trained --family llama\n\n"
          "# Replace an export that is there\n"
          "bascule export checkpoints/llama exported/old --overwrite",
      .make = make,
  };
}

}  // namespace bascule::cli
