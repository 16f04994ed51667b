#include "cli/conversion.h"
#include "cli/verb_table.h"

namespace bascule::cli {
namespace {

constexpr int64_t kMostIterations = 999'999'999'999;

Invocation make() {
  auto told = std::make_shared<Conversion>();
  Invocation made;
  made.options = {
      argument("HF_DIR",
               "A Hugging Face model: a directory with config.json and *.safetensors, or the id of "
               "a model in the local Hub cache (nothing is downloaded).",
               told->source),
      argument("CKPT_DIR",
               "The Megatron checkpoint root. It is made where there is none; a new iter_NNNNNNN "
               "is added to it.",
               told->target),
  };
  for (Option& option : import_options(*told)) made.options.push_back(std::move(option));
  made.run = [told](const Session& session) {
    return convert(*told, session, "import", import_checkpoint);
  };
  return made;
}

}  // namespace

std::vector<Option> import_options(Conversion& told) {
  Options& options = told.options;
  std::vector<Option> made = writing_options(options);
  made.push_back(count("--iteration",
                       "Number of the iteration (default: 0). It becomes the latest one of the "
                       "root, even where one of a higher number is there.",
                       0, kMostIterations, options.iteration));
  made.push_back(choice(
      "--compat", "WHAT",
      "\"default\" writes exactly what megatron-core 0.16 and Megatron Bridge 0.3 write; \"wide\" "
      "adds what newer versions look for.",
      {"default", "wide"}, told.compat));
  made.push_back(count("--padded-vocab-multiple",
                       "Pad the rows of the vocabulary to a multiple of this, as Megatron does "
                       "for tensor parallelism (default: 1, no padding).",
                       1, kMostPadding, options.padded_vocab_multiple));
  made.push_back(flag("--require-megatron-logits",
                      "Fail, with exit code 5, where Megatron cannot compute the same "
                      "function as transformers. Without it, a warning says so.",
                      options.require_megatron_logits));
  for (Option& option : reading_options(options, told.threads)) made.push_back(std::move(option));
  return made;
}

Verb import_verb() {
  return {
      .name = "import",
      .summary = "Convert a Hugging Face model into a Megatron checkpoint.",
      .description =
          "Reads a Hugging Face directory and writes one iteration of a Megatron Core distributed "
          "checkpoint (torch_dist) that Megatron Bridge and megatron-core load, under any tensor, "
          "pipeline and expert parallel sizes. Tokenizer, generation config, chat template and "
          "remote code travel along, so that a later export needs no original.\n\n"
          "The result appears under its name only when it is complete, was read again and is "
          "equal. A run that was interrupted goes on where it stopped when the same command is "
          "given again.",
      .examples =
          "# Convert a model; the checkpoint is checkpoints/llama/iter_0000000\n"
          "bascule import Llama-3.2-1B checkpoints/llama\n\n"
          "# A model of the local Hub cache, by its id, as float32\n"
          "bascule import meta-llama/Llama-3.2-1B checkpoints/llama-fp32 --dtype float32\n\n"
          "# See what would happen, and write nothing\n"
          "bascule import Llama-3.2-1B checkpoints/dry --dry-run\n\n"
          "# Pad the vocabulary for tensor parallelism over 8 GPUs, as Megatron does\n"
          "bascule import Llama-3.2-1B checkpoints/padded --padded-vocab-multiple 1024",
      .make = make,
  };
}

}  // namespace bascule::cli
