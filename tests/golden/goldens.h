// The toy models that real Megatron Bridge converted, opened: see tests/golden/README.md.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "families/hf_config.h"
#include "model/megatron.h"
#include "store/hf_directory.h"
#include "store/torch_dist/torch_dist_source.h"

namespace bascule {

struct Golden {
  std::string name;
  HfDirectory hf;
  std::unique_ptr<TorchDistSource> megatron;
  HfConfig config;
  Slots slots;
  Dialect hf_names, megatron_names;  // expanded
};

/// Folders of tests/golden/ whose families are supported, and those that are planned only.
inline const std::vector<std::string> kGoldens = {
    "gemma",   "gemma2", "gemma3", "llama",      "llama_tied", "llama_tp2",
    "mistral", "olmoe",  "qwen2",  "qwen2_tied", "qwen3",      "qwen3_moe"};
inline const std::vector<std::string> kPlannedGoldens = {"deepseek_v3", "gpt_oss", "nemotron_h"};

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Golden open_golden(const std::string& name) {
  const std::filesystem::path root = std::filesystem::path("tests/golden") / name;
  Golden golden;
  golden.name = name;
  golden.hf = open_hf_directory(root / "hf");
  golden.megatron = TorchDistSource::open(root / "megatron/iter_0000000");
  golden.config = read_hf_config(text_of(root / "hf/config.json"), "config.json", {}, true);
  golden.slots = slots(golden.config.arch);
  golden.hf_names = hf_dialect(*golden.config.family, golden.config.arch, golden.slots);
  golden.megatron_names =
      megatron(golden.config.arch, golden.slots, usual_form(golden.config.arch));
  return golden;
}

}  // namespace bascule
