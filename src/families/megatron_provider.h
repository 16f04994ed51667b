// The classes of Megatron Bridge 0.3.1 that build models ("providers"), and what each can build.
// Constant tables; safe to use from any thread.
#pragma once

#include <string_view>

namespace bascule {

/// A provider class, and the classes for particular sizes that Bridge derives from it.
struct Provider {
  /// The classes for Gemma do to a model what no setting says.
  enum class Kind { general, gemma, gemma2, gemma3 };

  std::string_view target;  // module and class, after "megatron.bridge.models."
  std::string_view family;  // the one family it builds; empty where several share it
  Kind kind = Kind::general;

  bool scales_embedding() const { return kind != Kind::general; }
  bool sandwich() const { return kind == Kind::gemma2 || kind == Kind::gemma3; }
  bool norms_queries() const { return kind == Kind::gemma3; }  // and keys
  bool soft_caps() const { return kind == Kind::gemma2; }
};

/// The provider that a run_config.yaml's `_target_` names, sizes ("...Provider8B") included; null
/// for one that is not known.
const Provider* find_provider(std::string_view target);

/// The only provider of general models whose settings for YaRN survive being saved: Bridge puts
/// them on others as attributes, which run_config.yaml loses, and then it cannot load the file.
inline constexpr std::string_view kYarnProvider =
    "megatron.bridge.models.gpt_oss.gpt_oss_provider.GPTOSSProvider";

/// How functions are named in the settings.
inline constexpr std::string_view kDefaultLayers =
    "megatron.bridge.models.gpt_provider.default_layer_spec";
inline constexpr std::string_view kMixedLayers =
    "megatron.core.models.gpt.gpt_layer_specs.get_gpt_decoder_block_spec";
inline constexpr std::string_view kFullWidthNormLayers =
    "megatron.bridge.models.olmoe.olmoe_provider.olmoe_layer_spec";
inline constexpr std::string_view kGemma2Layers =
    "megatron.bridge.models.gemma.gemma2_provider.gemma2_layer_spec";
inline constexpr std::string_view kGemma3Layers =
    "megatron.bridge.models.gemma.gemma3_provider.gemma3_layer_spec";

}  // namespace bascule
