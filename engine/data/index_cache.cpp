#include "data/index_cache.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/directories.h"
#include "base/file.h"
#include "base/filesystem.h"
#include "data/description.h"
#include "data/npy.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDescription = "description.txt";
constexpr int64_t kMostDescription = int64_t{64} << 20;  // of a blend of thousands

bool is_there(const CachePlace& place, std::string_view what) {
  return filesystem_work([&] { return fs::is_regular_file(place.file(what)); });
}

void check_description(const CachePlace& place) {
  const fs::path path = place.file(kDescription);
  require(read_small_file(path, kMostDescription) == place.description, Kind::format,
          "{} does not describe this dataset; remove it, and the index is made again",
          path.string());
}

[[noreturn]] void refuse_value(const fs::path& path, int64_t at, int64_t value,
                               std::string_view why) {
  fail(Kind::format, "{}: value {} is {}, {}; remove it, and it is made again", path.string(), at,
       value, why);
}

template <class T>
void require_between(const HeldArray<T>& array, int64_t least, int64_t most, const fs::path& path) {
  for (int64_t i = 0; i < array.size(); ++i) {
    const auto value = static_cast<int64_t>(array[i]);
    if (value < least || value > most)
      refuse_value(path, i, value, fmt::format("not from {} to {}", least, most));
  }
}

void check_samples(const GptIndices& indices, const Length& length, const fs::path& path) {
  int64_t before_place = 0, before_offset = 0;
  for (int64_t i = 0; i < indices.samples.size(); i += 2) {
    const int64_t place = indices.samples[i], offset = indices.samples[i + 1];
    if (place < before_place || place >= indices.documents.size())
      refuse_value(path, i, place, "no place at or behind the one before");
    if (offset < 0 || offset > length(indices.documents[place]) ||
        (place == before_place && offset < before_offset))
      refuse_value(path, i + 1, offset, "no token of its sequence at or behind the one before");
    before_place = place;
    before_offset = offset;
  }
}

template <class T>
void store_array(const CachePlace& place, std::string_view what, const HeldArray<T>& array,
                 const std::vector<int64_t>& shape) {
  write_npy(place.file(what), npy_dtype<T>(), shape, std::as_bytes(array.values()));
}

}  // namespace

fs::path CachePlace::file(std::string_view what) const {
  return folder / fmt::format("{}-{}-{}-{}", md5_hex(description), class_name, name(split), what);
}

std::optional<GptIndices> load_indices(const CachePlace& place, const SampleOrder& order,
                                       const EpochPlan& plan, const Length& length) {
  for (const std::string_view what :
       {kDescription, std::string_view("document_index.npy"), std::string_view("sample_index.npy"),
        std::string_view("shuffle_index.npy")})
    if (!is_there(place, what)) return std::nullopt;
  check_description(place);
  const fs::path documents = place.file("document_index.npy");
  const fs::path samples = place.file("sample_index.npy");
  const fs::path shuffle = place.file("shuffle_index.npy");
  GptIndices indices;
  indices.documents = map_npy<int32_t>(documents, {plan.epochs * order.sequences.size()});
  require_between(indices.documents, order.sequences.begin, order.sequences.end - 1, documents);
  indices.samples = map_npy<int32_t>(samples, {plan.samples + 1, 2});
  if (plan.samples > 0) check_samples(indices, length, samples);  // no document may be there
  indices.shuffle = map_npy<uint32_t>(shuffle, {plan.samples});
  require_between(indices.shuffle, 0, plan.samples - 1, shuffle);
  return indices;
}

void store_indices(const CachePlace& place, const GptIndices& indices) {
  make_directories(place.folder);
  store_array(place, "document_index.npy", indices.documents, {indices.documents.size()});
  store_array(place, "sample_index.npy", indices.samples, {indices.samples.size() / 2, 2});
  store_array(place, "shuffle_index.npy", indices.shuffle, {indices.shuffle.size()});
  write_file_atomically(place.file(kDescription), place.description);
}

std::optional<BlendIndices> load_indices(const CachePlace& place, int64_t samples,
                                         const std::vector<int64_t>& sizes) {
  for (const std::string_view what : {kDescription, std::string_view("dataset_index.npy"),
                                      std::string_view("dataset_sample_index.npy")})
    if (!is_there(place, what)) return std::nullopt;
  check_description(place);
  const fs::path parts = place.file("dataset_index.npy");
  const fs::path drawn = place.file("dataset_sample_index.npy");
  BlendIndices indices{map_npy<int16_t>(parts, {samples}), map_npy<int64_t>(drawn, {samples})};
  require_between(indices.parts, 0, static_cast<int64_t>(sizes.size()) - 1, parts);
  for (int64_t i = 0; i < samples; ++i) {
    const int64_t size = sizes[static_cast<size_t>(indices.parts[i])];
    if (indices.samples[i] < 0 || indices.samples[i] >= size)
      refuse_value(drawn, i, indices.samples[i],
                   fmt::format("but dataset {} has {} samples", indices.parts[i], size));
  }
  return indices;
}

void store_indices(const CachePlace& place, const BlendIndices& indices) {
  make_directories(place.folder);
  store_array(place, "dataset_index.npy", indices.parts, {indices.parts.size()});
  store_array(place, "dataset_sample_index.npy", indices.samples, {indices.samples.size()});
  write_file_atomically(place.file(kDescription), place.description);
}

}  // namespace bascule
