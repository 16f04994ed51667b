#include "data/dataset_builder.h"

#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/filesystem.h"
#include "data/index_cache.h"
#include "data/numpy_sum.h"

namespace bascule {
namespace {

constexpr std::string_view kMockSplits = "1,1,1";

std::shared_ptr<const Corpus> open_corpus(const std::string& prefix, std::string_view setting) {
  for (const auto& file : {idx_path(prefix), bin_path(prefix)})
    require(filesystem_work([&] { return std::filesystem::exists(file); }), Kind::environment,
            "{} of {} does not exist; a dataset is named by the path of its .bin and .idx without "
            "these endings, and \"bascule data tokenize\" makes one",
            file.string(), setting);
  return std::make_shared<const Corpus>(std::in_place_type<IndexedDataset>,
                                        std::filesystem::path(prefix));
}

int64_t share_of_samples(int64_t samples, double weight) {
  return static_cast<int64_t>(std::ceil(static_cast<double>(samples) * weight));
}

/// What builds the datasets of one split.
class SplitBuilder {
 public:
  SplitBuilder(const DataSettings& settings, Split split, const Fractions& share,
               std::optional<std::string> splits)
      : settings_(settings), split_(split), share_(share), splits_(std::move(splits)) {}

  GptDataset part(std::shared_ptr<const Corpus> corpus, std::optional<std::string> path,
                  std::optional<int64_t> samples) const {
    const SequenceRange sequences = sequences_of(share_, sequences_in(*corpus));
    GptDescription description{.path = std::move(path),
                               .samples = samples,
                               .split = split_,
                               .seed = settings_.seed,
                               .sequence_length = settings_.rules.sequence_length,
                               .splits = splits_,
                               .tokenizer = settings_.tokenizer};
    const bool drop = split_ != Split::valid || settings_.drop_last_partial_validation;
    return GptDataset(std::move(corpus), std::move(description), sequences, settings_.rules, drop,
                      settings_.cache);
  }

  Dataset blended(const DatasetBlend& blend,
                  const std::vector<std::shared_ptr<const Corpus>>& corpora,
                  std::optional<int64_t> wanted) const {
    return blend.weights ? weighted(blend, corpora, wanted) : whole(blend, corpora, wanted);
  }

 private:
  Dataset weighted(const DatasetBlend& blend,
                   const std::vector<std::shared_ptr<const Corpus>>& corpora,
                   std::optional<int64_t> wanted) const {
    require(wanted.has_value(), Kind::user,
            "split {} has weights, so a number of samples must be given", name(split_));
    const std::vector<double> weights = normalized(*blend.weights);
    std::vector<GptDataset> parts;
    int64_t samples = 0;
    for (size_t i = 0; i < corpora.size(); ++i) {
      const int64_t share = share_of_samples(*wanted, weights[i]);
      samples += share;
      parts.push_back(
          part(corpora[i], blend.prefixes[i], share_of_samples(share, 1 + settings_.surplus)));
    }
    return mixed(std::move(parts), normalized(weights), samples);
  }

  Dataset whole(const DatasetBlend& blend,
                const std::vector<std::shared_ptr<const Corpus>>& corpora,
                std::optional<int64_t> wanted) const {
    std::vector<GptDataset> parts;
    std::vector<int64_t> sizes;
    for (size_t i = 0; i < corpora.size(); ++i)
      sizes.push_back(parts.emplace_back(part(corpora[i], blend.prefixes[i], std::nullopt)).size());
    const int64_t all = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
    if (all == 0 || wanted == 0) {
      require(wanted.value_or(0) == 0, Kind::user, "split {} of the blend has no sample, not {}",
              name(split_), wanted.value_or(0));
      return Dataset(std::move(parts), {});
    }
    for (size_t i = 0; i < sizes.size(); ++i)
      require(sizes[i] > 0, Kind::user, "{} has no sample in split {}: take it out of the blend",
              blend.prefixes[i], name(split_));
    if (!wanted) {
      const CachePlace place = cache_place(parts, sizes, std::nullopt);
      return cached(std::move(parts), place, all, [&] { return blend_all(sizes); });
    }
    return mixed(std::move(parts), normalized(std::vector<double>(sizes.begin(), sizes.end())),
                 std::min(*wanted, all));
  }

  Dataset mixed(std::vector<GptDataset> parts, const std::vector<double>& weights,
                int64_t samples) const {
    const CachePlace place = cache_place(parts, weights, samples);
    return cached(std::move(parts), place, samples,
                  [&] { return blend_by_weights(weights, samples); });
  }

  template <class Weights>
  CachePlace cache_place(const std::vector<GptDataset>& parts, const Weights& weights,
                         std::optional<int64_t> samples) const {
    BlendDescription description{
        .parts = {}, .split = split_, .weights = weights, .samples = samples};
    for (const GptDataset& part : parts) description.parts.push_back(part.description());
    return {.folder = settings_.cache.value_or(""),
            .description = description_of(description),
            .class_name = "BlendedDataset",
            .split = split_};
  }

  template <class Build>
  Dataset cached(std::vector<GptDataset> parts, const CachePlace& place, int64_t samples,
                 Build&& build) const {
    if (!settings_.cache) return Dataset(std::move(parts), build());
    std::vector<int64_t> sizes;
    sizes.reserve(parts.size());
    for (const GptDataset& part : parts) sizes.push_back(part.size());
    if (std::optional<BlendIndices> found = load_indices(place, samples, sizes))
      return Dataset(std::move(parts), std::move(*found));
    const BlendIndices built = build();
    Dataset dataset(std::move(parts), built);  // checks before anything is stored
    store_indices(place, built);
    return dataset;
  }

  const DataSettings& settings_;
  Split split_;
  Fractions share_;
  std::optional<std::string> splits_;
};

void check_blend(const DatasetBlend& blend) {
  require(!blend.prefixes.empty() && static_cast<int64_t>(blend.prefixes.size()) <= kMostParts,
          Kind::user, "a blend has 1 to {} datasets, not {}", kMostParts, blend.prefixes.size());
  if (!blend.weights) return;
  require(blend.weights->size() == blend.prefixes.size(), Kind::user,
          "the blend has {} datasets and {} weights", blend.prefixes.size(), blend.weights->size());
  for (size_t i = 0; i < blend.prefixes.size(); ++i) {
    const double weight = (*blend.weights)[i];
    require(std::isfinite(weight) && weight > 0, Kind::user,
            "the weight of {} is {}, it must be above 0", blend.prefixes[i], weight);
  }
}

std::vector<std::shared_ptr<const Corpus>> open_all(const DatasetBlend& blend,
                                                    std::string_view setting) {
  check_blend(blend);
  std::vector<std::shared_ptr<const Corpus>> corpora;
  for (const std::string& prefix : blend.prefixes) corpora.push_back(open_corpus(prefix, setting));
  return corpora;
}

void check_settings(const DataSettings& settings) {
  require(!settings.blend || !settings.blend_per_split, Kind::user,
          "a blend for all splits and blends for each of them exclude each other");
  const SampleRules& rules = settings.rules;
  require(rules.sequence_length >= 1, Kind::user, "a sequence length of {} is not possible",
          rules.sequence_length);
  require(std::isfinite(settings.surplus) && settings.surplus >= 0, Kind::user,
          "a surplus of samples of {} is not possible", settings.surplus);
}

PerSplit<std::optional<Dataset>> build_each(const DataSettings& settings) {
  PerSplit<std::optional<Dataset>> built;
  for (size_t i = 0; i < kSplits; ++i) {
    const std::optional<DatasetBlend>& blend = (*settings.blend_per_split)[i];
    if (!blend) continue;
    const auto corpora = open_all(*blend, "dataset.blend_per_split");
    const SplitBuilder builder(settings, static_cast<Split>(i), Fractions{}, std::nullopt);
    built[i] = corpora.size() == 1
                   ? Dataset(builder.part(corpora[0], blend->prefixes[0], settings.samples[i]))
                   : builder.blended(*blend, corpora, settings.samples[i]);
  }
  return built;
}

}  // namespace

PerSplit<std::optional<Dataset>> build_datasets(const DataSettings& settings) {
  check_settings(settings);
  if (settings.blend_per_split) return build_each(settings);

  const auto given = parse_splits(settings.splits);  // is one, though mock data do without it
  const std::string splits = settings.blend ? settings.splits : std::string(kMockSplits);
  const auto shares = settings.blend ? given : parse_splits(kMockSplits);
  const std::vector<std::shared_ptr<const Corpus>> corpora =
      settings.blend ? open_all(*settings.blend, "dataset.blend")
                     : std::vector{std::make_shared<const Corpus>(
                           MockCorpus(settings.rules.vocabulary, settings.rules.end_of_document))};
  PerSplit<std::optional<Dataset>> built;
  for (size_t i = 0; i < kSplits; ++i) {
    if (!shares[i]) continue;
    const SplitBuilder builder(settings, static_cast<Split>(i), *shares[i], splits);
    if (!settings.blend)
      built[i] = Dataset(builder.part(corpora[0], std::nullopt, settings.samples[i]));
    else if (corpora.size() == 1 && !settings.blend->weights)
      built[i] =
          Dataset(builder.part(corpora[0], settings.blend->prefixes[0], settings.samples[i]));
    else
      built[i] = builder.blended(*settings.blend, corpora, settings.samples[i]);
  }
  return built;
}

}  // namespace bascule
