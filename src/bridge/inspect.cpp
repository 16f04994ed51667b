#include <fmt/ranges.h>

#include <algorithm>

#include "bridge/opened.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using Facts = std::vector<std::pair<std::string, std::string>>;

void add(Facts& facts, const char* name, int64_t value) {
  if (value) facts.emplace_back(name, std::to_string(value));
}

std::string rope_text(const Rope& rope) {
  std::string text = fmt::format("theta {}", rope.theta);
  if (rope.local_theta) text += fmt::format(", {} in layers with a window", *rope.local_theta);
  if (rope.percent != 1) text += fmt::format(", {} of the head", rope.percent);
  if (!rope.scaling) return text;
  constexpr const char* kKinds[] = {"linear", "dynamic", "llama3", "yarn", "longrope"};
  text += fmt::format(", {} x{}", kKinds[static_cast<size_t>(rope.scaling->kind)],
                      rope.scaling->factor);
  if (rope.scaling->original_length)
    text += fmt::format(" from {} positions", rope.scaling->original_length);
  return text;
}

std::string attention_text(const Gqa& gqa) {
  std::string text =
      fmt::format("{} heads of {}, {} for keys and values", gqa.heads, gqa.head_dim, gqa.kv_heads);
  if (gqa.qkv_bias) text += ", biases";
  if (gqa.qk_norm != Gqa::QkNorm::none) text += ", normed queries and keys";
  if (gqa.sinks) text += ", sinks";
  return text;
}

std::string moe_text(const Moe& moe) {
  std::string text =
      fmt::format("{} experts of width {}, {} a token", moe.experts, moe.width, moe.top_k);
  if (moe.shared_width) text += fmt::format(", shared width {}", moe.shared_width);
  return text;
}

/// What makes up an architecture, for people.
Facts facts_of(const Opened& opened) {
  const Arch& arch = opened.arch;
  Facts facts;
  add(facts, "layers", static_cast<int64_t>(arch.layers.size()));
  add(facts, "hidden size", arch.hidden);
  const auto kinds = [&](auto kind, const char* name, auto text) {
    using Kind = decltype(kind);
    int64_t count = 0;
    for (const Layer& layer : arch.layers) {
      if constexpr (std::is_constructible_v<Mixer, Kind>)
        count += std::holds_alternative<Kind>(layer.mixer);
      else
        count += std::holds_alternative<Kind>(layer.feed_forward);
    }
    if (!count) return;
    std::string value = text(arch.first<Kind>());
    if (count != static_cast<int64_t>(arch.layers.size()))
      value += fmt::format(" (in {} layers)", count);
    facts.emplace_back(name, value);
  };
  kinds(Gqa{}, "attention", attention_text);
  kinds(Mla{}, "latent attention", [](const Mla& a) {
    return fmt::format("{} heads, ranks {} and {}", a.heads, a.q_rank, a.kv_rank);
  });
  kinds(Mamba2{}, "Mamba-2",
        [](const Mamba2& m) { return fmt::format("{} heads of {}", m.heads, m.head_dim); });
  int64_t windows = 0, window = 0;
  for (const Layer& layer : arch.layers)
    if (const Gqa* gqa = std::get_if<Gqa>(&layer.mixer); gqa && gqa->window)
      ++windows, window = *gqa->window;
  if (windows)
    facts.emplace_back("sliding window", fmt::format("{} tokens in {} layers", window, windows));
  kinds(Mlp{}, "MLP", [](const Mlp& m) { return fmt::format("width {}", m.width); });
  kinds(Moe{}, "mixture of experts", moe_text);
  facts.emplace_back("vocabulary",
                     fmt::format("{}{}", arch.vocab, arch.tied ? ", tied to the head" : ""));
  add(facts, "positions", arch.max_positions);
  facts.emplace_back("rope", rope_text(arch.rope));
  facts.emplace_back(
      "norm", fmt::format("{}, eps {}{}", arch.norm.kind == Norm::Kind::rms ? "RMS" : "layer",
                          arch.norm.eps, arch.norm.zero_centred ? ", zero-centred" : ""));
  if (!opened.dtype.empty()) facts.emplace_back("dtype", opened.dtype);
  return facts;
}

/// Lists the tensors of any source.
void list(Inspection& found, const TensorSource& source) {
  for (const TensorInfo& tensor : source.tensors()) {
    StoredTensor row{tensor.name, std::string(torch_name(tensor.dtype)), tensor.shape,
                     bytes(tensor.dtype, elements(tensor.shape)), 1};
    found.bytes += row.bytes;
    found.bytes_by_dtype[row.dtype] += row.bytes;
    found.tensors.push_back(std::move(row));
  }
}

void inspect_hf(Inspection& found, const Opened& opened) {
  found.format = "Hugging Face safetensors";
  found.files = static_cast<int64_t>(opened.hf.weights->shards().size());
  found.notes = opened.hf.warnings;
}

void inspect_megatron(Inspection& found, const Opened& opened) {
  found.format = "Megatron torch_dist";
  found.files = static_cast<int64_t>(opened.dist->files().size());
  found.objects = static_cast<int64_t>(opened.dist->objects().size());
  for (size_t i = 0; i < found.tensors.size(); ++i)
    found.tensors[i].chunks = static_cast<int64_t>(opened.dist->chunks(i).size());
  if (const auto iteration = opened.dist->iteration())
    found.facts.emplace_back("iteration", std::to_string(*iteration));
  found.facts.emplace_back("layers stored",
                           opened.form.stacked ? "stacked in one tensor" : "one by one");
  if (opened.form.vocab_multiple > opened.arch.vocab)
    found.facts.emplace_back("vocabulary rows", std::to_string(opened.form.vocab_multiple));
  if (opened.from_args) found.notes.push_back("described by Megatron-LM's args in common.pt");
  if (opened.state) {
    found.notes.push_back("written by bascule " + opened.state->tool_version);
    for (const std::string& warning : opened.state->warnings) found.notes.push_back(warning);
  }
  if (std::any_of(opened.dist->tensors().begin(), opened.dist->tensors().end(),
                  [](const TensorInfo& t) { return t.name.starts_with("optimizer."); }))
    found.notes.push_back("holds optimizer state");
}

}  // namespace

Inspection inspect(const std::string& path, const Options& options) {
  const Opened opened = open_model(path, options);
  Inspection found;
  found.path = opened.path.string();
  found.family = opened.family->name;
  found.architecture = opened.format == Opened::Format::hugging_face
                           ? opened.family->architectures[0]
                           : opened.family->provider;
  found.parameters = opened.slots.parameters();
  found.facts = facts_of(opened);
  list(found, opened.source());
  opened.format == Opened::Format::hugging_face ? inspect_hf(found, opened)
                                                : inspect_megatron(found, opened);
  return found;
}

}  // namespace bascule
