#include "train/loaded_model.h"

#include "base/check.h"
#include "bridge/opened.h"
#include "nn/arena_source.h"

namespace bascule {

LoadedModel load_model(const std::string& path, at::ScalarType dtype) {
  const Opened opened = open_model(path, {});
  LoadedModel model{.path = opened.path,
                    .tokenizer = opened.format == Opened::Format::torch_dist
                                     ? opened.path / kTokenizerFolder
                                     : opened.path,
                    .arch = opened.arch};
  const Dialect local = megatron_local(opened.arch, opened.slots, {}, 0,
                                       {.vocab_multiple = opened.form.vocab_multiple});
  model.parameters = std::make_unique<Parameters>(
      opened.slots, local, Shards{}, ParameterOptions{.dtype = dtype, .gradients = false});
  std::vector<NamedTensor> targets;
  for (const Parameter& each : model.parameters->all()) targets.push_back({each.name, each.value});
  fill(opened.slots, opened.source(), opened.dialect, local, {}, targets);
  model.decoder = std::make_unique<Decoder>(opened.arch, *model.parameters);
  return model;
}

at::Tensor LoadedModel::logits(const std::vector<int64_t>& tokens, int64_t sequences) const {
  const auto count = static_cast<int64_t>(tokens.size());
  require(sequences > 0 && count > 0 && count % sequences == 0, Kind::internal,
          "{} tokens in {} sequences", count, sequences);
  for (const int64_t token : tokens)
    require(token >= 0 && token < arch.vocab, Kind::user,
            "token {} lies outside of the model's {}; is this its tokenizer?", token, arch.vocab);
  const auto whole_numbers = at::TensorOptions(at::kLong);
  Batch batch{.sequences = sequences, .length = count / sequences};
  batch.tokens = at::tensor(tokens, whole_numbers);
  batch.positions = at::arange(batch.length, whole_numbers).repeat({sequences});
  return decoder->logits(batch).narrow(1, 0, arch.vocab);
}

}  // namespace bascule
