#include "families/run_config.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "families/fitting_families.h"
#include "families/hf_config.h"
#include "families/unsaid_settings.h"

namespace bascule {
namespace {

// Our own section. Bridge reads none of it.
constexpr std::string_view kOurs = "bascule";
// Since version 1 `window_size` counts the keys before a query's own, as Megatron-Core does.
constexpr int64_t kVersion = 1;

/// How Bridge runs a family; nothing of the model. The family "" is all.
struct Execution {
  std::string_view family, key;
  Tree value;
};

Tree object(const std::string& target) {
  return Tree::map({
      {"_call_",   false },
      {"_target_", target}
  });
}

const std::vector<Execution>& executions() {
  // clang-format off
  static const std::vector<Execution> all = {
      {"",          "perform_initialization", false                  },
      {"",          "use_cpu_initialization", true                   },
      {"llama",     "apply_rope_fusion",      true                   },
      {"llama",     "bias_dropout_fusion",    true                   },
      {"llama",     "masked_softmax_fusion",  true                   },
      {"llama",     "persist_layer_norm",     true                   },
      {"qwen2",     "autocast_dtype",         object("torch.bfloat16")},
      {"qwen3",     "autocast_dtype",         object("torch.bfloat16")},
      {"qwen3_moe", "autocast_dtype",         object("torch.bfloat16")},
      {"olmoe",     "autocast_dtype",         object("torch.bfloat16")},
      {"olmoe",     "persist_layer_norm",     true                   },
      {"olmoe",     "moe_router_dtype",       "fp32"                 },
  };
  // clang-format on
  return all;
}

/// Megatron-Core's fused activation is that of gated SiLU: it refuses other functions, or takes the
/// tanh form of GELU for GELU. Bridge switches it on for Llama.
bool fuses_activation(const Family& family, const Arch& arch) {
  const Mlp mlp = arch.first<Mlp>();
  return family.name == "llama" && mlp.gated && mlp.activation == Activation::silu;
}

const Provider& provider_named(const std::string& target, const std::string& file) {
  const Provider* provider = find_provider(target);
  require(provider, Kind::unsupported,
          "{}: model._target_ is {}, a class whose models are not supported", file,
          brief(Tree(target), 200));
  return *provider;
}

Tree checkpoint_section(const RunConfig& config) {
  return Tree::map({
      {"_target_",            "megatron.bridge.training.config.CheckpointConfig"},
      {"ckpt_format",         "torch_dist"                                      },
      {"fully_parallel_save", true                                              },
      {"save_optim",          config.has_optimizer                              },
      {"save_rng",            config.has_random_state                           }
  });
}

Tree tokenizer_section(const std::string& hf_model_id) {
  Tree tokenizer = Tree::map({
      {"_target_",       "megatron.bridge.training.tokenizers.config.TokenizerConfig"},
      {"tokenizer_type", "HuggingFaceTokenizer"                                      }
  });
  if (!hf_model_id.empty()) tokenizer.set("tokenizer_model", hf_model_id);
  return tokenizer;
}

/// The settings that no family has, for a message.
std::string unsaid_text(const Tree& model, const std::vector<UnsaidSetting>& unsaid) {
  std::vector<std::string> said;
  said.reserve(unsaid.size());
  for (const UnsaidSetting& setting : unsaid)
    said.push_back(fmt::format("model.{} is {}, where {} has {}", setting.key,
                               setting_text(model.find(setting.key)), setting.family->name,
                               setting_text(setting.other ? &*setting.other : nullptr)));
  return fmt::format("{}", fmt::join(said, "; "));
}

}  // namespace

std::string run_config_yaml(const Family& family, const RunConfig& config) {
  const std::string file = "run_config.yaml";
  MegatronConfig said = config.model;
  const Provider& provider = provider_named(family.provider, file);
  require(said.arch.scaled_embedding == provider.scales_embedding() &&
              said.arch.sandwich == provider.sandwich(),
          Kind::unsupported, "{}: {} cannot build this model", file, family.provider);

  const bool yarn = needs_yarn_provider(provider, said.arch);
  Tree model = Tree::map();
  model.set("_target_", yarn ? std::string(kYarnProvider) : family.provider);
  if (!config.hf_model_id.empty()) model.set("hf_model_id", config.hf_model_id);
  for (const Execution& execution : executions())
    if (execution.family.empty() || execution.family == family.name)
      model.set(execution.key, execution.value);
  // Said for every family: the class for YaRN would switch it on.
  model.set("bias_activation_fusion", fuses_activation(family, said.arch));
  ConfigIo io = ConfigIo::writer(model, file);
  megatron_config(io, provider, WindowCount::keys_before, said);

  Tree root = Tree::map({
      {"_target_",         "megatron.bridge.training.config.ConfigContainer"          },
      {std::string(kOurs), Tree::map({{"family", family.name}, {"version", kVersion}})},
      {"checkpoint",       checkpoint_section(config)                                 },
      {"model",            model                                                      },
  });
  // Bridge's container of all sections wants these to be named.
  for (const char* unknown : {"dataset", "logger", "optimizer", "scheduler", "train"})
    root.set(unknown, Tree());
  root.set("tokenizer", config.has_tokenizer ? tokenizer_section(config.hf_model_id) : Tree());
  return to_yaml(root);
}

RunConfig read_run_config(std::string_view text, const std::string& file) {
  const Tree root = parse_yaml(text, file);
  ConfigIo all = ConfigIo::reader(root, file);
  RunConfig config;
  std::string family;
  WindowCount count = WindowCount::as_bridge_writes;
  all.section(kOurs, [&](ConfigIo& io) {
    io("family", family);
    io.constant("version", kVersion);
    count = WindowCount::keys_before;
  });
  const bool there = all.section("model", [&](ConfigIo& io) {
    if (const Tree* builder = io.asked("_builder_"))
      io.unsupported("_builder_", *builder, "it is of a newer Megatron Bridge than 0.3.1");
    io("_target_", config.provider);
    io("hf_model_id", config.hf_model_id, "");
    const Provider& provider = provider_named(config.provider, file);
    if (family.empty()) family = provider.family;
    megatron_config(io, provider, count, config.model);
  });
  require(there, Kind::format, "{}: the section model is missing", file);
  if (!family.empty()) {
    config.families = {family};
  } else {
    config.families = families_that_fit(config.model.arch, families_of_provider(config.provider));
    if (config.families.empty())
      config.unsaid = unsaid_text(
          *root.find("model"), unsaid_settings(config.model, provider_named(config.provider, file),
                                               families_of_provider(config.provider)));
  }
  const Tree* tokenizer = root.find("tokenizer");
  config.has_tokenizer = tokenizer && tokenizer->is_map();
  return config;
}

MegatronConfig read_model_settings(const Tree& settings, const Family& family,
                                   const std::string& place) {
  ConfigIo io = ConfigIo::reader(settings, place);
  MegatronConfig config;
  megatron_config(io, provider_named(family.provider, place), WindowCount::keys_before, config);
  try {
    write_hf_config(family, config.arch, "");
  } catch (const Error& error) {
    if (error.kind() == Kind::internal) throw;
    fail(Kind::unsupported, "{}: the family {} has no such model: {}", place, family.name,
         error.message());
  }
  // What Bridge says of such a model anyway is no mistake: a provider's settings may all be given.
  Tree usual = Tree::map();
  ConfigIo writer = ConfigIo::writer(usual, place);
  MegatronConfig said = config;
  megatron_config(writer, provider_named(family.provider, place), WindowCount::keys_before, said);
  for (const ConfigIo::Unread& unread : io.unread()) {
    const Tree* own = usual.find(unread.path);
    require(unread.path.ends_with("._call_") || (own && *own == *unread.value), Kind::unsupported,
            "{}: {} is {}, but models of the family {} have no such setting", place, unread.path,
            brief(*unread.value), family.name);
  }
  return config;
}

Arch as_megatron_holds(const Family& family, const Arch& arch) {
  RunConfig config;
  config.model.arch = arch;
  return read_run_config(run_config_yaml(family, config), "run_config.yaml").model.arch;
}

Arch nearest_in_megatron(const Family& family, const Arch& arch) {
  try {
    return as_megatron_holds(family, arch);
  } catch (const Error& error) {
    if (error.kind() != Kind::unsupported) throw;
    return arch;
  }
}

}  // namespace bascule
