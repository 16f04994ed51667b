// The golden checkpoints of supported families: what transformers and what Megatron Bridge says of
// the same model.
#pragma once

#include <string>
#include <vector>

#include "families/hf_config.h"
#include "spec/read_text.h"

namespace bascule {

inline const std::vector<std::string> kGoldenModels = {
    "llama",     "llama_tied", "llama_tp2", "mistral", "qwen2", "qwen3",
    "qwen3_moe", "olmoe",      "gemma",     "gemma2",  "gemma3"};

inline std::string golden_config(const std::string& model) {
  return "tests/golden/" + model + "/hf/config.json";
}
inline std::string golden_run_config(const std::string& model) {
  return "tests/golden/" + model + "/megatron/iter_0000000/run_config.yaml";
}

inline HfConfig read_golden(const std::string& model) {
  return read_hf_config(read_text(golden_config(model)), golden_config(model));
}

/// The golden's config.json with some values replaced, as if that were the model's.
inline HfConfig changed_golden(const std::string& model, const std::string& json) {
  Tree config = parse_json(read_text(golden_config(model)), golden_config(model));
  const Tree change = parse_json(json, "the change");
  for (const Tree::Entry& entry : change.entries()) config.set(entry.key, entry.value);
  return read_hf_config(to_json(config), "changed " + golden_config(model));
}

}  // namespace bascule
