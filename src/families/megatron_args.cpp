#include "families/megatron_args.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "families/fitting_families.h"
#include "families/unsaid_settings.h"

namespace bascule {
namespace {

constexpr std::string_view kSection = "args";
// Megatron-LM builds what this class of Bridge's builds from the same settings.
constexpr std::string_view kProvider = "megatron.bridge.models.gpt_provider.GPTModelProvider";

/// An argument under another name than the setting's. Where both are there this one counts, as it
/// does for Megatron-LM. All that have the setting's own name are taken as they are.
struct Renamed {
  std::string_view argument, setting;
  bool negated = false;
};
// clang-format off
constexpr Renamed kRenamed[] = {
    {"num_experts",                         "num_moe_experts"                          },
    {"norm_epsilon",                        "layernorm_epsilon"                        },
    {"apply_layernorm_1p",                  "layernorm_zero_centered_gamma"            },
    {"disable_bias_linear",                 "add_bias_linear",                     true},
    {"untie_embeddings_and_output_weights", "share_embeddings_and_output_weights", true},
    {"use_rope_scaling",                    "rope_scaling"                             },
    {"max_position_embeddings",             "seq_length"                               },
};
// clang-format on

/// An argument that would make another model than all those that we know, or that no setting has,
/// unless it is absent, null or this. What has a setting's name is checked with that.
struct MustBe {
  std::string_view argument;
  Tree value;
};
const std::vector<MustBe>& must_be() {
  // clang-format off
  static const std::vector<MustBe> all = {
      {"use_legacy_models",                        false },
      {"yaml_cfg",                                 Tree()},
      {"spec",                                     Tree()},  // another list of modules
      {"heterogeneous_layers_config_path",         Tree()},
      {"heterogeneous_layers_config_encoded_json", ""    },
      {"hybrid_override_pattern",                  Tree()},  // Mamba
      {"hybrid_layer_pattern",                     Tree()},
      {"hybrid_attention_ratio",                   0.0   },
      {"hybrid_mlp_ratio",                         0.0   },
      {"decoder_num_layers",                       Tree()},  // T5
      {"retro_add_retriever",                      false },
      {"vision_pretraining",                       false },
      {"position_embedding_type",                  "rope"},
      {"rope_type",                                "rope"},
      {"moe_router_topk_limited_devices",          Tree()},
      {"moe_router_force_load_balancing",          false },
      {"moe_router_force_biased",                  Tree()},
      {"moe_mlp_glu_interleave_size",              Tree()},
      {"moe_shared_expert_glu_interleave_size",    Tree()},
      {"enable_mhc_connections",                   false },
      {"use_mup",                                  false },
      // Whether it reaches the model depends on Megatron-LM's version.
      {"rotary_seq_len_interpolation_factor",      1.0   },
  };
  // clang-format on
  return all;
}

// Of latent attention alone, and never off.
constexpr std::string_view kOfLatent = "rotary_scaling_factor";
// How long the training's sequences are; the model's is another argument.
constexpr std::string_view kOfTraining = "seq_length";
// What Megatron-Core's GPTModel takes: Megatron-LM does not hand its argument on.
constexpr double kRopeScalingFactor = 8;

Tree function(const char* name) {
  return Tree::map({
      {"_call_",   false},
      {"_target_", name }
  });
}

bool is_true(ConfigIo& args, std::string_view key) {
  bool value = false;
  args(key, value, false);
  return value;
}

/// In place of one function.
struct Switch {
  std::string_view argument;
  const char* function;
  bool gated;
};
constexpr Switch kSwitches[] = {
    {"swiglu",       "torch.nn.functional.silu",               true },
    {"quick_geglu",  "megatron.core.activations.quick_gelu",   true },
    {"squared_relu", "megatron.core.activations.squared_relu", false}
};

void activation(ConfigIo& args, Tree& settings) {
  if (!args.has("swiglu")) args.malformed("swiglu", "is missing");
  if (!args.has("activation_func"))
    settings.set("activation_func", function("torch.nn.functional.gelu"));
  std::string_view chosen;
  for (const Switch& each : kSwitches) {
    if (!is_true(args, each.argument)) continue;
    if (!chosen.empty())
      args.malformed(each.argument, fmt::format("and {} cannot both be true", chosen));
    chosen = each.argument;
    settings.set("activation_func", function(each.function));
    settings.set("gated_linear_unit", each.gated);
  }
}

/// Megatron-LM builds the rows that the padded size says, whatever its tokenizer has.
void vocabulary(ConfigIo& args, Tree& settings, ConfigIo::Names& names) {
  const Tree* padded = args.asked("padded_vocab_size");
  const bool known = padded && !padded->is_null();
  settings.set("should_pad_vocab", !known);
  if (!known) return;
  settings.set("vocab_size", *padded);
  names.emplace("vocab_size", "padded_vocab_size");
}

/// Several losses that balance the router are a list; config.json has room for the first.
void first_of(Tree& settings, std::string_view key) {
  const Tree* value = settings.find(key);
  if (!value || !value->is_list() || value->list_items().empty()) return;
  Tree first = value->list_items()[0];
  settings.set(key, std::move(first));
}

void rename(ConfigIo& args, Tree& settings, ConfigIo::Names& names) {
  for (const Renamed& row : kRenamed) {
    const Tree* value = args.asked(row.argument);
    if (!value) continue;
    settings.set(row.setting, row.negated ? Tree(!is_true(args, row.argument)) : *value);
    names.emplace(row.setting, row.argument);
  }
}

/// The same model in the settings' names.
Tree settings_of(ConfigIo& args, const Tree& given, ConfigIo::Names& names) {
  for (const MustBe& row : must_be()) args.neutral(row.argument, {row.value});
  Tree settings = given;
  settings.erase(kOfLatent);
  settings.erase(kOfTraining);
  names.emplace(kOfTraining, "max_position_embeddings");
  rename(args, settings, names);
  if (!args.has("untie_embeddings_and_output_weights"))
    args.malformed("untie_embeddings_and_output_weights", "is missing");
  if (!is_true(args, "group_query_attention")) settings.set("num_query_groups", Tree());
  if (is_true(args, "use_rope_scaling")) args.neutral("rope_scaling_factor", {kRopeScalingFactor});
  settings.set("rope_scaling_factor", kRopeScalingFactor);
  activation(args, settings);
  vocabulary(args, settings, names);
  for (const char* key : {"moe_router_load_balancing_type", "moe_aux_loss_coeff"})
    first_of(settings, key);
  return settings;
}

/// All that are built from general settings: no class names one.
std::vector<const Family*> candidates() {
  std::vector<const Family*> found;
  for (const Family& family : families()) {
    const Provider* provider = find_provider(family.provider);
    if (provider && provider->kind == Provider::Kind::general) found.push_back(&family);
  }
  return found;
}

/// The argument that a setting is from, empty where it is none.
std::string argument_of(const Tree& args, const std::string& setting) {
  for (const Renamed& row : kRenamed)
    if (row.setting == setting && args.find(row.argument)) return std::string(row.argument);
  if (setting == "activation_func" || setting == "gated_linear_unit") {
    for (const Switch& row : kSwitches)
      if (const Tree* value = args.find(row.argument); value && *value == Tree(true))
        return std::string(row.argument);
    return std::string(kSwitches[0].argument);
  }
  return args.find(setting) ? setting : "";
}

/// The settings that no family has, by the names of their arguments.
std::string unsaid_text(const Tree& args, const std::vector<UnsaidSetting>& unsaid) {
  std::vector<std::string> said;
  for (const UnsaidSetting& setting : unsaid) {
    const std::string argument = argument_of(args, setting.key);
    std::string text = fmt::format(
        "{} is {}",
        argument.empty() ? "the setting " + setting.key : fmt::format("{}.{}", kSection, argument),
        setting_text(argument.empty() ? &setting.value : args.find(argument)));
    if (argument == setting.key || argument.empty())
      text += fmt::format(", where {} has {}", setting.family->name,
                          setting_text(setting.other ? &*setting.other : nullptr));
    // One switch stands for several settings.
    if (std::ranges::find(said, text) == said.end()) said.push_back(std::move(text));
  }
  return fmt::format("{}", fmt::join(said, "; "));
}

}  // namespace

RunConfig read_megatron_args(const Tree& args, const std::string& file) {
  require(args.is_map(), Kind::format, "{}: args is {}, not a map of arguments", file,
          describe(args.type()));
  const std::string section(kSection);
  const Tree given = Tree::map({
      {section, args}
  });
  Tree translated = Tree::map();
  ConfigIo::Names names;
  ConfigIo all = ConfigIo::reader(given, file);
  all.section(section,
              [&](ConfigIo& io) { translated.set(section, settings_of(io, args, names)); });
  RunConfig config;
  ConfigIo settings = ConfigIo::reader(translated, file, std::move(names));
  settings.section(section, [&](ConfigIo& io) {
    megatron_config(io, *find_provider(kProvider), WindowCount::keys_before, config.model);
  });
  config.families = families_that_fit(config.model.arch, candidates());
  if (config.families.empty())
    config.unsaid =
        unsaid_text(args, unsaid_settings(config.model, *find_provider(kProvider), candidates()));
  return config;
}

}  // namespace bascule
