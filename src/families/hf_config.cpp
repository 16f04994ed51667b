#include "families/hf_config.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "base/shown.h"
#include "families/neutral_keys.h"
#include "settings/nearest.h"

namespace bascule {
namespace {

/// Removes the key at a dotted path; false when it is absent. Keys may hold dots themselves.
bool erase(Tree& tree, std::string_view path) {
  if (tree.erase(path)) return true;
  for (size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1)) {
    Tree* below = tree.find(path.substr(0, dot));
    if (below && erase(*below, path.substr(dot + 1))) return true;
  }
  return false;
}

void ignore(Tree& tree, const std::string& key, const std::string& file) {
  if (erase(tree, key)) return;
  std::vector<std::string> names;
  for (const Tree::Entry& entry : tree.entries()) names.push_back(entry.key);
  fail(Kind::user, "{}: there is no key {} to ignore{}", file, shown(key),
       did_you_mean(key, names));
}

std::string architecture_of(ConfigIo& io) {
  std::vector<std::string> architectures;
  io("architectures", architectures, {});
  if (architectures.empty())
    io.malformed("architectures", "is missing; it names the model's class (LlamaForCausalLM, ...)");
  if (architectures.size() > 1)
    io.unsupported("architectures", *io.asked("architectures"), "one is needed");
  return architectures[0];
}

/// dtype (transformers 5) or torch_dtype; the newer one counts where both are.
std::string dtype_of(ConfigIo& io) {
  static constexpr Spelling<std::string_view> kNames[] = {
      {"bfloat16",       "bfloat16"},
      {"float16",        "float16" },
      {"float32",        "float32" },
      {"float64",        "float64" },
      {"torch.bfloat16", "bfloat16"},
      {"torch.float16",  "float16" },
      {"torch.float32",  "float32" },
  };
  std::string_view dtype;
  io.choice("torch_dtype", dtype, kNames, "");
  io.choice("dtype", dtype, kNames, dtype);
  return std::string(dtype);
}

void refuse_unread(const ConfigIo& io) {
  constexpr size_t kMost = 8;
  std::vector<std::string> said, remedies;
  size_t more = 0;
  for (const ConfigIo::Unread& key : io.unread()) {
    if (key.value->is_null()) continue;  // unset
    if (said.size() == kMost) {
      ++more;
      continue;
    }
    said.push_back(fmt::format("{} is {}", key.path, brief(*key.value)));
    remedies.push_back("--ignore-key " + key.path);
  }
  if (said.empty()) return;
  fail(Kind::unsupported,
       "{}: {}{}; such a key may change what the model computes, and this family does not read it. "
       "If it does not matter here: {}",
       io.file(), fmt::join(said, ", "), more ? fmt::format(", and {} more", more) : "",
       fmt::join(remedies, " "));
}

/// Fills all that the keys of a file say, and leaves open whether there are others.
void read_keys(ConfigIo& io, HfConfig& config, bool planned) {
  const std::string architecture = architecture_of(io);
  in_context(io.file(), [&] { config.family = &family_of_architecture(architecture, planned); });
  if (const Tree* quantized = io.asked("quantization_config"); quantized && !quantized->is_null())
    io.unsupported("quantization_config", *quantized,
                   "quantized checkpoints are not supported; use the unquantized model");
  io.neutral("model_type", {config.family->model_type});
  config.dtype = dtype_of(io);
  config.family->config(io, config.arch);
  neutral_keys(io);
}

/// Whether the file, but for the other keys that are ignored, says another model than without this
/// key, too. What cannot be read with it says none.
bool changes_the_model(const std::string& key, const HfConfig& config, bool planned) {
  Tree with = config.tree;
  for (const std::string& other : config.ignored_keys)
    if (other != key) erase(with, other);
  ConfigIo io = ConfigIo::reader(with, "");
  HfConfig read;
  try {
    read_keys(io, read, planned);
  } catch (const Error& error) {
    if (error.kind() == Kind::internal) throw;
    return false;
  }
  return read.family != config.family || read.arch != config.arch;
}

void refuse_to_ignore_the_model(const HfConfig& config, const std::string& file, bool planned) {
  for (const std::string& key : config.ignored_keys)
    require(!changes_the_model(key, config, planned), Kind::user,
            "{}: {} is read by {} and would change the model; do not ignore it, and import again "
            "what was imported without it",
            file, shown(key), config.family->name);
}

/// Without what only trainings read and config.json has no key for.
Arch for_inference(Arch arch) {
  for (Layer& layer : arch.layers)
    if (Moe* moe = std::get_if<Moe>(&layer.feed_forward)) moe->balance = {};
  return arch;
}

/// A config.json of what the family's keys can say of a model.
Tree written(const Family& family, const Arch& arch, const std::string& dtype) {
  Tree tree = Tree::map();
  ConfigIo io = ConfigIo::writer(tree);
  io.put("architectures", Tree::list({family.architectures[0]}));
  io.put("model_type", family.model_type);
  if (!dtype.empty()) {
    io.put("torch_dtype", dtype);
    io.put("dtype", dtype);
  }
  Arch copy = arch;
  family.config(io, copy);
  return tree.sorted();
}

Arch read_back(const Family& family, const Tree& tree) {
  return read_hf_config(to_json(tree), "the new configuration", {}, family.planned).arch;
}

}  // namespace

std::string difference(const Arch& one, const Arch& other) {
  const Arch a = for_inference(one), b = for_inference(other);
  if (a == b) return "";
  if (a.vocab != b.vocab) return "the vocabulary";
  if (a.layers.size() != b.layers.size()) return "the number of layers";
  for (size_t i = 0; i < a.layers.size(); ++i) {
    if (a.layers[i].mixer != b.layers[i].mixer) return fmt::format("the mixer of layer {}", i);
    if (a.layers[i].feed_forward != b.layers[i].feed_forward)
      return fmt::format("the feed-forward part of layer {}", i);
  }
  if (a.norm != b.norm || a.sandwich != b.sandwich) return "the norms";
  if (a.rope != b.rope) return "the rotary positions";
  if (a.mtp != b.mtp) return "the extra prediction layers";
  if (a.vision != b.vision) return "the vision tower";
  return "the embedding or the head";
}

bool has_key(const Tree& config, std::string_view path) {
  Tree copy = config;
  return erase(copy, path);
}

std::vector<std::string> keys_to_ignore(const Tree& config, const std::vector<std::string>& asked,
                                        const std::vector<std::string>& before) {
  std::vector<std::string> keys;
  for (const std::vector<std::string>* list : {&asked, &before})
    for (const std::string& key : *list)
      if (has_key(config, key) && std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  return keys;
}

HfConfig read_hf_config(std::string_view text, const std::string& file,
                        const std::vector<std::string>& ignore_keys, bool planned) {
  HfConfig config;
  config.tree = parse_json(text, file);
  Tree seen = config.tree;
  ConfigIo::reader(seen, file);  // must be a map
  for (const std::string& key : ignore_keys) {
    ignore(seen, key, file);
    config.ignored_keys.push_back(key);
  }
  ConfigIo io = ConfigIo::reader(seen, file);
  read_keys(io, config, planned);
  refuse_to_ignore_the_model(config, file, planned);
  refuse_unread(io);
  return config;
}

Tree write_hf_config(const Family& family, const Arch& arch, const std::string& dtype) {
  Tree tree = written(family, arch, dtype);
  const std::string lost = difference(arch, read_back(family, tree));
  require(lost.empty(), Kind::unsupported,
          "config.json of {} cannot say what this model has: {} would change", family.title, lost);
  return tree;
}

Arch as_hf_holds(const Family& family, const Arch& arch) {
  return read_back(family, written(family, arch, ""));
}

std::string hf_config_text(const Tree& config) { return to_json(config) + "\n"; }

}  // namespace bascule
