#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "base/check.h"
#include "bridge/opened.h"
#include "program/reference.h"
#include "program/verbs.h"
#include "train/loaded_model.h"

namespace bascule::cli {
namespace {

constexpr int64_t kSequences = 2;

struct Wanted {
  std::string first, second, reference;
  double tolerance = 1e-5;  // of the largest logit
  int64_t length = 64, seed = 0;
};

struct Comparison {
  double difference = 0;         // largest of two logits
  double largest = 0;            // logit of the first
  int64_t tokens = 0, same = 0;  // positions, and those with the same likeliest token
};

at::Tensor our_logits(const std::string& path, const LoadedModel& first,
                      const std::vector<int64_t>& tokens) {
  const LoadedModel second = load_model(path, {.dtype = at::kFloat, .gradients = false});
  require(first.model.arch.vocab == second.model.arch.vocab, Kind::mismatch,
          "{} has a vocabulary of {}, {} one of {}", first.path.string(), first.model.arch.vocab,
          second.path.string(), second.model.arch.vocab);
  return second.logits(tokens, kSequences);
}

std::filesystem::path hf_directory(const std::string& path) {
  require(!is_megatron(path), Kind::user,
          "{} is a Megatron checkpoint, which transformers does not read; export it first", path);
  return open_model(path, {}).path;
}

Comparison compare(const Wanted& wanted) {
  const LoadedModel first = load_model(wanted.first, {.dtype = at::kFloat, .gradients = false});
  std::mt19937_64 random(static_cast<uint64_t>(wanted.seed));
  std::vector<int64_t> tokens(static_cast<size_t>(kSequences * wanted.length));
  for (int64_t& token : tokens)
    token = static_cast<int64_t>(random() % static_cast<uint64_t>(first.model.arch.vocab));
  const at::Tensor a = first.logits(tokens, kSequences);
  const at::Tensor b = wanted.reference.empty()
                           ? our_logits(wanted.second, first, tokens)
                           : transformers_logits(hf_directory(wanted.second), tokens, kSequences,
                                                 first.model.arch.vocab);
  return {.difference = (a - b).abs().max().item<double>(),
          .largest = a.abs().max().item<double>(),
          .tokens = a.size(0),
          .same = (a.argmax(1) == b.argmax(1)).sum().item<int64_t>()};
}

Result run(const Wanted& wanted, const Session& session) {
  const Comparison found = compare(wanted);
  // Written so that what is not a number is no equality.
  const bool equal = found.difference <= wanted.tolerance * found.largest;
  const int code = equal ? 0 : 4;
  if (session.json) {
    const nlohmann::ordered_json object = {{"ok", equal},
                                           {"difference", found.difference},
                                           {"largest", found.largest},
                                           {"tokens", found.tokens},
                                           {"same_greedy", found.same}};
    return {.exit = code, .out = object.dump() + "\n", .err = {}};
  }
  return {.exit = code,
          .out = fmt::format("logits differ by at most {:.3g}, the largest is {:.3g}: {}\n"
                             "the likeliest token is the same at {} of {} positions\n",
                             found.difference, found.largest,
                             equal ? "equal within the tolerance" : "beyond the tolerance",
                             found.same, found.tokens),
          .err = {}};
}

Invocation make() {
  auto wanted = std::make_shared<Wanted>();
  Invocation made;
  made.options = {
      argument("A", "A Hugging Face directory, a Megatron root or one iteration.", wanted->first),
      argument("B", "The other.", wanted->second),
      choice("--reference", "WHO",
             "Run B, a Hugging Face directory, in transformers, in a Python that has it "
             "(BASCULE_PYTHON, else the one that the engine was built with).",
             {"transformers"}, wanted->reference),
      decimal("--tolerance", "X", "Of the largest logit (default: 1e-5).", wanted->tolerance),
      count("--length", "Tokens of each of the two random sequences (default: 64).", 1, 1 << 20,
            wanted->length),
      count("--seed", "Of the random tokens (default: 0).", 0, int64_t{1} << 53, wanted->seed),
  };
  made.run = [wanted](const Session& session) { return run(*wanted, session); };
  return made;
}

}  // namespace

Verb compare_verb() {
  return {
      .name = "compare",
      .summary = "Run two models and compare what they compute.",
      .description =
          "Runs both in fp32 on the same random tokens and compares logits and the likeliest "
          "tokens. Exit code 4 when they differ by more than the tolerance. \"bascule verify\" "
          "compares the weights themselves, bit for bit.",
      .examples =
          "# Logits and greedy tokens of a model and its converted form\n"
          "bascule compare Llama-3.2-1B checkpoints/llama\n\n"
          "# Our engine against transformers\n"
          "bascule compare checkpoints/llama Llama-3.2-1B --reference transformers",
      .make = make,
  };
}

}  // namespace bascule::cli
