#include "data/dataset.h"

#include "base/check.h"

namespace bascule {

Dataset::Dataset(GptDataset only) : parts_{std::move(only)}, blended_(false) {}

Dataset::Dataset(std::vector<GptDataset> parts, BlendIndices blend)
    : parts_(std::move(parts)), blend_(std::move(blend)), blended_(true) {
  require(!parts_.empty() && static_cast<int64_t>(parts_.size()) <= kMostParts, Kind::user,
          "a blend of {} datasets is not possible, at most {} are", parts_.size(), kMostParts);
  std::vector<int64_t> drawn(parts_.size(), 0);
  for (const int16_t part : blend_.parts.values()) ++drawn.at(static_cast<size_t>(part));
  for (size_t i = 0; i < parts_.size(); ++i)
    require(drawn[i] <= parts_[i].size(), Kind::user,
            "the blend takes {} samples of {}, which has {}: raise the surplus of samples that are "
            "built for each dataset",
            drawn[i], parts_[i].description().path.value_or("mock data"), parts_[i].size());
}

void Dataset::read(int64_t index, const SampleView& out) const {
  require(index >= 0 && index < size(), Kind::internal, "sample {} of {}", index, size());
  if (!blended_) return parts_.front().read(index, out);
  parts_[static_cast<size_t>(blend_.parts[index])].read(blend_.samples[index], out);
}

SampleBatch read_batch(const Dataset& dataset, std::span<const int64_t> samples) {
  const auto length = static_cast<size_t>(dataset.rules().sequence_length);
  const size_t all = samples.size() * length;
  SampleBatch batch{.rows = static_cast<int64_t>(samples.size()),
                    .length = static_cast<int64_t>(length),
                    .tokens = std::vector<int64_t>(all),
                    .labels = std::vector<int64_t>(all),
                    .position_ids = std::vector<int64_t>(all),
                    .loss_mask = std::vector<float>(all)};
  for (size_t row = 0; row < samples.size(); ++row) {
    const auto part = [&](auto& whole) { return std::span(whole).subspan(row * length, length); };
    dataset.read(samples[row], {.tokens = part(batch.tokens),
                                .labels = part(batch.labels),
                                .position_ids = part(batch.position_ids),
                                .loss_mask = part(batch.loss_mask)});
  }
  return batch;
}

}  // namespace bascule
