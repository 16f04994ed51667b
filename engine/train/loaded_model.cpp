#include "train/loaded_model.h"

#include "base/check.h"
#include "bridge/opened.h"
#include "bridge/training_checkpoint.h"
#include "bridge/write_hf.h"
#include "train/weights.h"

namespace bascule {

LoadedModel empty_model(TrainedModel model, const ParameterOptions& options) {
  LoadedModel made{.model = std::move(model), .dtype = options.dtype};
  const TrainedModel& what = made.model;
  made.parameters = std::make_shared<Parameters>(
      what.slots,
      megatron_local(what.arch, what.slots, {}, 0, {.vocab_multiple = what.vocab_multiple}),
      Shards{}, options);
  made.decoder = std::make_shared<Decoder>(what.arch, *made.parameters);
  return made;
}

LoadedModel load_model(const std::string& path, const ParameterOptions& options) {
  const Opened opened = open_model(path, {});
  LoadedModel loaded = empty_model(trained_model(opened, path), options);
  loaded.path = opened.path;
  const bool megatron = opened.format == Opened::Format::torch_dist;
  loaded.tokenizer = megatron ? opened.path / kTokenizerFolder : opened.path;
  take_weights(opened, loaded.model, *loaded.parameters);
  return loaded;
}

Outcome export_hf(const LoadedModel& model, const std::string& target, const Options& options,
                  Reporter& reporter, bool weights_alone) {
  return export_model(
      model.model, ArenaSource(values(*model.parameters)), model.parameters->dialect(),
      std::string(torch_name(stored_dtype(model.dtype))), target, options, reporter, weights_alone);
}

std::filesystem::path save_megatron(const LoadedModel& model, const std::string& target,
                                    int64_t iteration, Reporter& reporter) {
  const ArenaSource source(values(*model.parameters));
  TrainingCheckpoint checkpoint{.iteration = iteration};
  checkpoint.train_state.step = iteration;
  const CheckpointForm form =
      checkpoint_form(model.model, std::string(torch_name(stored_dtype(model.dtype))), {});
  return save_training_checkpoint(target, model.model.slots, form,
                                  {.source = source, .local = model.parameters->dialect()},
                                  checkpoint, reporter);
}

at::Tensor LoadedModel::logits(const std::vector<int64_t>& tokens, int64_t sequences) const {
  const auto count = static_cast<int64_t>(tokens.size());
  require(sequences > 0 && count > 0 && count % sequences == 0, Kind::internal,
          "{} tokens in {} sequences", count, sequences);
  for (const int64_t token : tokens)
    require(token >= 0 && token < model.arch.vocab, Kind::user,
            "token {} lies outside of the model's {}; is this its tokenizer?", token,
            model.arch.vocab);
  const int64_t most = model.arch.max_positions;
  require(most == 0 || count / sequences <= most, Kind::user,
          "a sequence of {} tokens, and the model is made for {} positions", count / sequences,
          most);
  const auto whole_numbers = at::TensorOptions(at::kLong);
  Batch batch{.sequences = sequences, .length = count / sequences};
  batch.tokens = at::tensor(tokens, whole_numbers);
  batch.positions = at::arange(batch.length, whole_numbers).repeat({sequences});
  return decoder->logits(batch).narrow(1, 0, model.arch.vocab);
}

}  // namespace bascule
