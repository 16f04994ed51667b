#include "train/feed.h"

#include <array>

#include "base/check.h"
#include "train/tokenizer_files.h"

namespace bascule {
namespace {

DatasetBlend blend_of(const Blend& blend) {
  DatasetBlend found{.prefixes = blend.paths};
  if (!blend.weights.empty()) found.weights = blend.weights;
  return found;
}

/// Evaluations of a whole run, the last one included, in samples.
int64_t validation_samples(const Settings& settings) {
  const ValidationSettings& rules = settings.validation;
  const int64_t times = rules.eval_interval ? train_iters(settings) / *rules.eval_interval + 1 : 1;
  return times * rules.eval_iters * global_batch_size(settings);
}

/// Samples that the run takes of each split.
PerSplit<std::optional<int64_t>> samples_of(const Settings& settings) {
  return {batches(settings).consumed_after(train_iters(settings)), validation_samples(settings),
          settings.validation.eval_iters * global_batch_size(settings)};
}

DataSettings data_settings(const Settings& settings, int64_t vocabulary) {
  const DatasetSettings& given = settings.dataset;
  DataSettings data;
  if (given.blend) data.blend = blend_of(*given.blend);
  if (given.split) data.splits = *given.split;
  if (given.blend_per_split) {
    data.blend_per_split.emplace();
    for (size_t i = 0; i < std::min(given.blend_per_split->size(), kSplits); ++i)
      if (const auto& blend = (*given.blend_per_split)[i])
        (*data.blend_per_split)[i] = blend_of(*blend);
  }
  data.samples = samples_of(settings);
  data.rules = {.sequence_length = given.seq_length.value_or(settings.model.seq_length),
                .vocabulary = vocabulary,
                .end_of_document = end_of_document(settings, vocabulary),
                .reset_position_ids = given.reset_position_ids,
                .eod_mask_loss = given.eod_mask_loss};
  data.seed = static_cast<uint32_t>(given.random_seed);
  data.drop_last_partial_validation = given.drop_last_partial_validation_sequence;
  data.surplus = given.mid_level_dataset_surplus;
  if (given.path_to_cache) data.cache = *given.path_to_cache;
  return data;
}

at::Tensor tensor_of(const std::vector<int64_t>& values) {
  return at::tensor(values, at::TensorOptions(at::kLong));
}

at::Tensor documents_of(const SampleBatch& batch, int64_t end_of_document) {
  std::vector<int64_t> all;
  const auto length = static_cast<size_t>(batch.length);
  for (size_t at = 0; at < batch.tokens.size(); at += length) {
    const auto own =
        own_document_starts(std::span(batch.tokens).subspan(at, length), end_of_document);
    all.insert(all.end(), own.begin(), own.end());
  }
  return tensor_of(all).view({batch.rows, batch.length});
}

}  // namespace

Feed::Feed(const Settings& settings, int64_t vocabulary)
    : datasets_(build_datasets(data_settings(settings, vocabulary))),
      micro_batch_(batches(settings).micro) {
  if (settings.dataset.reset_attention_mask) hides_behind_ = end_of_document(settings, vocabulary);
  require(has(Split::train), Kind::user,
          "the data have no training split: give dataset.blend, or a share of dataset.split");
  const PerSplit<std::optional<int64_t>> wanted = samples_of(settings);
  constexpr std::array kAsking = {"train.train_iters", "validation.eval_iters",
                                  "validation.eval_iters"};
  for (const Split split : {Split::train, Split::valid, Split::test}) {
    const auto at = static_cast<size_t>(split);
    const int64_t asked = wanted[at].value_or(0);
    require(
        !has(split) || datasets_[at]->size() >= asked, Kind::user,
        "{} asks for {} samples of the split {}, but datasets without weights are read once, and "
        "have {}: lower it, or give dataset.blend weights",
        kAsking[at], asked, name(split), has(split) ? datasets_[at]->size() : 0);
  }
}

Batch Feed::read(Split split, int64_t consumed, int64_t index) const {
  const Dataset& dataset = *datasets_[static_cast<size_t>(split)];
  const Sampler sampler{.samples = dataset.size(), .micro_batch = micro_batch_};
  const SampleBatch rows = read_batch(dataset, micro_batch_samples(sampler, consumed, index, 0));
  Batch batch{.sequences = rows.rows, .length = rows.length};
  batch.tokens = tensor_of(rows.tokens);
  batch.labels = tensor_of(rows.labels);
  batch.positions = tensor_of(rows.position_ids);
  batch.loss_mask = at::tensor(rows.loss_mask, at::TensorOptions(at::kFloat));
  if (hides_behind_) batch.documents = documents_of(rows, *hides_behind_);
  return batch;
}

}  // namespace bascule
