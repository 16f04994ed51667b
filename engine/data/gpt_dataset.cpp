#include "data/gpt_dataset.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "data/index_cache.h"

namespace bascule {
namespace {

int64_t corpus_length(const IndexedDataset& dataset, int64_t sequence) {
  return dataset.index().length(sequence);
}
int64_t corpus_length(const MockCorpus& mock, int64_t sequence) { return mock.length(sequence); }

int64_t corpus_sequences(const IndexedDataset& dataset) { return dataset.index().sequences(); }
int64_t corpus_sequences(const MockCorpus& mock) { return mock.sequences(); }

std::string corpus_name(const GptDescription& description) {
  return description.path ? *description.path + ".bin" : "mock data";
}

}  // namespace

int64_t sequences_in(const Corpus& corpus) {
  return std::visit([](const auto& each) { return corpus_sequences(each); }, corpus);
}

int64_t length_in(const Corpus& corpus, int64_t sequence) {
  return std::visit([&](const auto& each) { return corpus_length(each, sequence); }, corpus);
}

GptDataset::GptDataset(std::shared_ptr<const Corpus> corpus, GptDescription description,
                       SequenceRange sequences, const SampleRules& rules, bool drop_last_partial,
                       const std::optional<std::filesystem::path>& cache_folder)
    : corpus_(std::move(corpus)), description_(std::move(description)), rules_(rules) {
  const std::string named = corpus_name(description_);
  if (const auto* dataset = std::get_if<IndexedDataset>(corpus_.get()))
    require(holds_tokens(dataset->index().type()), Kind::unsupported,
            "{} holds {} elements, which are no tokens", named, name(dataset->index().type()));
  require(sequences.begin >= 0 && sequences.begin <= sequences.end &&
              sequences.end <= sequences_in(*corpus_) && sequences.end <= INT32_MAX,
          Kind::unsupported, "{}: sequences {} to {} of {} cannot be drawn from", named,
          sequences.begin, sequences.end, sequences_in(*corpus_));
  const SampleOrder order{.sequences = sequences,
                          .wanted = description_.samples,
                          .sequence_length = rules_.sequence_length,
                          .extra_tokens = rules_.extra_token ? 1 : 0,
                          .drop_last_partial = drop_last_partial,
                          .seed = description_.seed};
  const Length length = [&](int64_t sequence) { return length_in(*corpus_, sequence); };
  int64_t tokens = 0;
  for (int64_t i = sequences.begin; i < sequences.end; ++i) tokens += length(i);
  in_context(fmt::format("{}, split {}", named, name(description_.split)), [&] {
    plan_ = plan_epochs(order, tokens);
    if (!cache_folder) {
      indices_ = build_indices(order, plan_, length);
      return;
    }
    const CachePlace place{.folder = *cache_folder,
                           .description = description_of(description_),
                           .class_name = description_.path ? "GPTDataset" : "MockGPTDataset",
                           .split = description_.split};
    std::optional<GptIndices> cached = load_indices(place, order, plan_, length);
    if (!cached) {
      store_indices(place, build_indices(order, plan_, length));
      // Mapped from now on, so that processes on one machine share it.
      cached = load_indices(place, order, plan_, length);
    }
    require(cached.has_value(), Kind::environment, "the index caches in {} disappeared",
            cache_folder->string());
    indices_ = std::move(*cached);
  });
}

void GptDataset::read_part(int64_t sequence, int64_t first, std::span<int64_t> out) const {
  std::visit([&](const auto& corpus) { corpus.read(sequence, first, out); }, *corpus_);
  if (rules_.vocabulary == 0) return;
  for (size_t i = 0; i < out.size(); ++i)
    require((out[i] >= 0 && out[i] < rules_.vocabulary) || out[i] == rules_.padding, Kind::format,
            "{}: token {} of sequence {} is {}, beyond the vocabulary of {}",
            corpus_name(description_), first + static_cast<int64_t>(i), sequence, out[i],
            rules_.vocabulary);
}

std::vector<int64_t> GptDataset::text(int64_t sample) const {
  const int64_t extra = rules_.extra_token ? 1 : 0;
  std::vector<int64_t> text(static_cast<size_t>(rules_.sequence_length + extra), rules_.padding);
  const int64_t begin = indices_.samples[2 * sample], end = indices_.samples[2 * sample + 2];
  std::span<int64_t> rest(text);
  for (int64_t at = begin; at <= end; ++at) {
    const int64_t sequence = indices_.documents[at];
    const int64_t first = at == begin ? indices_.samples[2 * sample + 1] : 0;
    const int64_t stop =
        at == end ? indices_.samples[2 * sample + 3] + extra : length_in(*corpus_, sequence);
    require(stop >= first && stop <= length_in(*corpus_, sequence) &&
                stop - first <= static_cast<int64_t>(rest.size()),
            Kind::format,
            "{}: sample {} has tokens {} to {} of sequence {}, which has {}, and room for {}; "
            "remove the index caches",
            corpus_name(description_), sample, first, stop, sequence, length_in(*corpus_, sequence),
            rest.size());
    const auto size = static_cast<size_t>(stop - first);
    read_part(sequence, first, rest.first(size));
    rest = rest.subspan(size);
  }
  return text;
}

void GptDataset::read(int64_t index, const SampleView& out) const {
  const auto length = static_cast<size_t>(rules_.sequence_length);
  require(
      index >= 0 && index < size() && out.tokens.size() == length && out.labels.size() == length &&
          out.position_ids.size() == length && out.loss_mask.size() == length,
      Kind::internal, "sample {} of {} with {} tokens does not go there", index, size(), length);
  std::vector<int64_t> tokens = text(indices_.shuffle[index]);
  if (!rules_.extra_token) tokens.push_back(rules_.padding);

  std::iota(out.position_ids.begin(), out.position_ids.end(), int64_t{0});
  if (rules_.reset_position_ids)
    for (const int64_t start :
         document_starts(std::span(tokens).first(length), rules_.end_of_document))
      std::iota(out.position_ids.begin() + start, out.position_ids.end(), int64_t{0});
  for (size_t i = 0; i < length; ++i) {
    const int64_t token = tokens[i], label = tokens[i + 1];
    const bool at_end = rules_.eod_mask_loss && token == rules_.end_of_document;
    out.loss_mask[i] = at_end || label == rules_.padding ? 0.0F : 1.0F;
    // Whatever stands there must be a row of the embedding.
    out.tokens[i] = token == rules_.padding ? 0 : token;
    out.labels[i] = label == rules_.padding ? 0 : label;
  }
}

std::vector<int64_t> document_starts(std::span<const int64_t> tokens, int64_t end_of_document) {
  std::vector<int64_t> starts = {0};
  for (size_t i = 0; i + 1 < tokens.size(); ++i)
    if (tokens[i] == end_of_document) starts.push_back(static_cast<int64_t>(i) + 1);
  return starts;
}

std::vector<int64_t> own_document_starts(std::span<const int64_t> tokens, int64_t end_of_document) {
  std::vector<int64_t> own(tokens.size(), 0);
  for (const int64_t start : document_starts(tokens, end_of_document))
    std::fill(own.begin() + start, own.end(), start);
  return own;
}

}  // namespace bascule
