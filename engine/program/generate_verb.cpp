#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "base/check.h"
#include "base/interrupt.h"
#include "program/tokenizer.h"
#include "program/verbs.h"
#include "train/loaded_model.h"

namespace bascule::cli {
namespace {

struct Wanted {
  std::string path, prompt, tokens;
  double temperature = 0;
  int64_t count = 32, seed = 0;
};

std::vector<int64_t> numbers(const std::string& text) {
  std::vector<int64_t> found;
  std::istringstream words(text);
  for (int64_t number = 0; words >> number;) {
    found.push_back(number);
    words >> std::ws;
    if (words.peek() == ',') words.get();
  }
  require(words.eof() && !found.empty(), Kind::user,
          "--tokens {} are not numbers parted by commas or blanks", text);
  return found;
}

/// The likeliest token, or, with a temperature, one drawn by probability.
int64_t next(const at::Tensor& logits, double temperature, std::mt19937_64& random) {
  if (temperature <= 0) return logits.argmax().item<int64_t>();
  const at::Tensor sums = (logits.to(at::kDouble) / temperature).softmax(0).cumsum(0);
  const double drawn = std::uniform_real_distribution<double>(0, 1)(random);
  const at::Tensor reached = (sums > drawn).nonzero();
  return reached.numel() ? reached[0].item<int64_t>() : logits.numel() - 1;
}

Result run(const Wanted& wanted, const Session& session) {
  require(wanted.prompt.empty() != wanted.tokens.empty(), Kind::user,
          "give a PROMPT, or --tokens, and not both");
  const LoadedModel model = load_model(wanted.path, {.dtype = at::kFloat, .gradients = false});
  std::optional<Tokenizer> tokenizer;
  if (wanted.tokens.empty()) tokenizer = tokenizer_in(model.tokenizer);
  std::vector<int64_t> tokens =
      tokenizer ? tokenizer->encode(wanted.prompt) : numbers(wanted.tokens);
  const auto given = static_cast<std::ptrdiff_t>(tokens.size());
  std::mt19937_64 random(static_cast<uint64_t>(wanted.seed));
  for (int64_t i = 0; i < wanted.count; ++i) {
    check_interrupt();
    const at::Tensor logits = model.logits(tokens, 1);
    tokens.push_back(next(logits[logits.size(0) - 1], wanted.temperature, random));
  }
  const std::vector<int64_t> added(tokens.begin() + given, tokens.end());
  if (session.json) {
    nlohmann::ordered_json object = {{"ok", true}, {"tokens", added}};
    if (tokenizer) object["text"] = tokenizer->decode(added);
    return {.exit = 0, .out = object.dump() + "\n", .err = {}};
  }
  if (tokenizer)
    return {.exit = 0, .out = printable(tokenizer->decode(tokens), true) + "\n", .err = {}};
  return {.exit = 0, .out = fmt::format("{}\n", fmt::join(added, " ")), .err = {}};
}

Invocation make() {
  auto wanted = std::make_shared<Wanted>();
  Invocation made;
  made.options = {
      argument("PATH", "A Hugging Face directory, a Megatron root or one iteration of it.",
               wanted->path),
      optional_argument("PROMPT", "The text to continue.", wanted->prompt),
      text("--tokens", "NUMBERS", "The prompt as token ids, without a tokenizer.", wanted->tokens),
      count("--count", "How many tokens to add (default: 32).", 1, 1 << 20, wanted->count),
      decimal("--temperature", "T",
              "Draw tokens by probability at this temperature (default: 0, the "
              "likeliest).",
              wanted->temperature),
      count("--seed", "Of what is drawn (default: 0).", 0, int64_t{1} << 53, wanted->seed),
  };
  made.run = [wanted](const Session& session) { return run(*wanted, session); };
  return made;
}

}  // namespace

Verb generate_verb() {
  return {
      .name = "generate",
      .summary = "Continue a text with a model.",
      .description =
          "To look at a model, not to serve it: every token runs the whole sequence, in fp32. The "
          "prompt goes through the checkpoint's own tokenizer.json, in a Python that has the "
          "package tokenizers (BASCULE_PYTHON, else the one that the engine was built with).",
      .examples =
          "# What the model makes of a prompt\n"
          "bascule generate checkpoints/llama \"The capital of France is\"\n\n"
          "# Drawn by probability\n"
          "bascule generate checkpoints/llama \"Once\" --temperature 0.8 --seed 3",
      .make = make,
  };
}

}  // namespace bascule::cli
