#include "families/megatron_provider.h"

#include <string>

namespace bascule {
namespace {

using Kind = Provider::Kind;

// clang-format off
constexpr Provider kProviders[] = {
    {"gpt_provider.GPTModelProvider",                     "",          Kind::general},
    {"gpt_oss.gpt_oss_provider.GPTOSSProvider",           "gpt_oss",   Kind::general},
    {"llama.llama_provider.LlamaModelProvider",           "llama",     Kind::general},
    {"llama.llama_provider.Llama2ModelProvider",          "llama",     Kind::general},
    {"llama.llama_provider.Llama3ModelProvider",          "llama",     Kind::general},
    {"llama.llama_provider.Llama31ModelProvider",         "llama",     Kind::general},
    {"llama.llama_provider.Llama32ModelProvider",         "llama",     Kind::general},
    {"llama.llama_provider.CodeLlamaModelProvider",       "llama",     Kind::general},
    {"mistral.mistral_provider.MistralModelProvider",       "mistral", Kind::general},
    {"mistral.mistral_provider.MistralSmall3ModelProvider", "mistral", Kind::general},
    {"qwen.qwen_provider.Qwen2ModelProvider",             "qwen2",     Kind::general},
    {"qwen.qwen_provider.Qwen25ModelProvider",            "qwen2",     Kind::general},
    {"qwen.qwen_provider.Qwen3ModelProvider",             "qwen3",     Kind::general},
    {"qwen.qwen_provider.Qwen3MoEModelProvider",          "qwen3_moe", Kind::general},
    {"olmoe.olmoe_provider.OlMoEModelProvider",           "olmoe",     Kind::general},
    {"gemma.gemma_provider.GemmaModelProvider",           "gemma",     Kind::gemma  },
    {"gemma.gemma_provider.CodeGemmaModelProvider",       "gemma",     Kind::gemma  },
    {"gemma.gemma2_provider.Gemma2ModelProvider",         "gemma2",    Kind::gemma2 },
    {"gemma.gemma3_provider.Gemma3ModelProvider",         "gemma3",    Kind::gemma3 },
};
// clang-format on

constexpr std::string_view kModule = "megatron.bridge.models.";

}  // namespace

const Provider* find_provider(std::string_view target) {
  if (!target.starts_with(kModule)) return nullptr;
  target.remove_prefix(kModule.size());
  for (const Provider& provider : kProviders) {
    if (!target.starts_with(provider.target)) continue;
    const std::string_view size = target.substr(provider.target.size());
    if (size.empty() || (size[0] >= '0' && size[0] <= '9')) return &provider;
  }
  return nullptr;
}

}  // namespace bascule
