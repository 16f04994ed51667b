// A model in memory: to look at what it computes, or for others to drive. One thread at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bascule/reporter.h"
#include "bridge/trained_model.h"
#include "nn/decoder.h"
#include "nn/parameters.h"
#include "train/under_way.h"

namespace bascule {

struct LoadedModel {
  TrainedModel model = {};
  std::filesystem::path path = {};       // the snapshot, or the iteration's directory; may be empty
  std::filesystem::path tokenizer = {};  // the directory that tokenizer.json may be in
  at::ScalarType dtype = at::kFloat;
  std::shared_ptr<Parameters> parameters = {};
  std::shared_ptr<Decoder> decoder = {};
  std::shared_ptr<UnderWay> under_way = {};  // of the run that trains it; none does: undefined

  /// [tokens, vocabulary] of sequences of equal length, flattened.
  at::Tensor logits(const std::vector<int64_t>& tokens, int64_t sequences) const;
};

/// The model with parameters that are zero.
LoadedModel empty_model(TrainedModel model, const ParameterOptions& options);

/// Opens a Hugging Face directory or a Megatron checkpoint and reads its weights as options.dtype.
LoadedModel load_model(const std::string& path, const ParameterOptions& options);

/// Writes the model as a Hugging Face directory, or its weights alone. Nobody may change it
/// meanwhile.
Outcome export_hf(const LoadedModel& model, const std::string& target, const Options& options,
                  Reporter& reporter, bool weights_alone = false);

/// Writes the weights as iteration `iteration` of the Megatron root `target`. Nobody may change
/// them meanwhile. Returns the iteration's directory.
std::filesystem::path save_megatron(const LoadedModel& model, const std::string& target,
                                    int64_t iteration, Reporter& reporter);

}  // namespace bascule
