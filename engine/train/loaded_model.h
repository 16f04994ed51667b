// A checkpoint of any format in memory, to look at what it computes. Immutable; one thread at a
// time.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "model/arch.h"
#include "nn/decoder.h"
#include "nn/parameters.h"

namespace bascule {

struct LoadedModel {
  std::filesystem::path path;       // the snapshot, or the iteration's directory
  std::filesystem::path tokenizer;  // the directory that tokenizer.json may be in
  Arch arch = {};
  std::unique_ptr<Parameters> parameters = {};  // without gradients
  std::unique_ptr<Decoder> decoder = {};

  /// [tokens, vocabulary] of sequences of equal length, flattened.
  at::Tensor logits(const std::vector<int64_t>& tokens, int64_t sequences) const;
};

/// Opens a Hugging Face directory or a Megatron checkpoint and reads its weights as `dtype`.
LoadedModel load_model(const std::string& path, at::ScalarType dtype);

}  // namespace bascule
