#include "data/dataset_tools.h"

#include <algorithm>

#include "base/check.h"
#include "base/filesystem.h"
#include "base/interrupt.h"
#include "data/indexed_dataset.h"
#include "data/indexed_writer.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPiece = int64_t{1} << 18;  // tokens looked at at once

DatasetSummary summary(const fs::path& prefix, const IndexedDataset& dataset) {
  const IndexView& index = dataset.index();
  const int64_t idx_bytes = 34 + 12 * index.sequences() + 8 * (index.documents() + 1) +
                            (index.has_modes() ? index.sequences() : 0);
  return {.prefix = prefix.string(),
          .type = index.type(),
          .documents = index.documents(),
          .sequences = index.sequences(),
          .tokens = index.tokens(),
          .bytes = dataset.bin_bytes() + idx_bytes,
          .has_modes = index.has_modes()};
}

void check_layout(const IndexedDataset& dataset) {
  const IndexView& index = dataset.index();
  int64_t end = 0;
  for (int64_t i = 0; i < index.sequences(); ++i) {
    require(index.offset(i) == end, Kind::format,
            "{}: sequence {} begins at byte {}, but the one before ends at byte {}",
            dataset.idx().string(), i, index.offset(i), end);
    end += index.length(i) * bytes_of(index.type());
  }
  require(end == dataset.bin_bytes(), Kind::format,
          "{} is {} bytes long, but its last sequence ends at byte {}; is {} the index of another?",
          dataset.bin().string(), dataset.bin_bytes(), end, dataset.idx().string());
}

void check_tokens(const IndexedDataset& dataset, int64_t sequence, int64_t vocabulary,
                  std::span<const int64_t> tokens, int64_t first) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    const int64_t at = first + static_cast<int64_t>(i);
    require(tokens[i] >= 0, Kind::format, "{}: token {} of sequence {} is {}, below 0",
            dataset.bin().string(), at, sequence, tokens[i]);
    require(vocabulary == 0 || tokens[i] < vocabulary, Kind::format,
            "{}: token {} of sequence {} is {}, beyond the vocabulary of {}",
            dataset.bin().string(), at, sequence, tokens[i], vocabulary);
  }
}

}  // namespace

std::vector<fs::path> datasets_at(const fs::path& path) {
  return filesystem_work([&]() -> std::vector<fs::path> {
    if (!fs::is_directory(path) || fs::exists(idx_path(path))) return {dataset_prefix(path)};
    std::vector<fs::path> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(path))
      if (entry.path().extension() == ".idx") found.push_back(dataset_prefix(entry.path()));
    require(!found.empty(), Kind::user, "{} has no indexed dataset: no file in it ends in .idx",
            path.string());
    std::sort(found.begin(), found.end());
    return found;
  });
}

DatasetSummary summary_of(const fs::path& prefix) {
  return summary(prefix, IndexedDataset(prefix));
}

DatasetCheck check_dataset(const fs::path& prefix, int64_t vocabulary, Reporter& reporter) {
  const IndexedDataset dataset(prefix);
  const IndexView& index = dataset.index();
  DatasetCheck check{.summary = summary(prefix, dataset)};
  check_layout(dataset);
  require(holds_tokens(index.type()), Kind::format, "{} holds {} elements, which are no tokens",
          dataset.idx().string(), name(index.type()));
  reporter.phase("checking", dataset.bin_bytes());
  std::vector<int64_t> tokens;
  bool any = false;
  for (int64_t sequence = 0; sequence < index.sequences(); ++sequence) {
    const int64_t length = index.length(sequence);
    check.empty_sequences += length == 0 ? 1 : 0;
    check.longest_sequence = std::max(check.longest_sequence, length);
    for (int64_t first = 0; first < length; first += kPiece) {
      check_interrupt();
      tokens.resize(static_cast<size_t>(std::min(kPiece, length - first)));
      dataset.read(sequence, first, tokens);
      check_tokens(dataset, sequence, vocabulary, tokens, first);
      const auto [least, most] = std::minmax_element(tokens.begin(), tokens.end());
      check.smallest_token = any ? std::min(check.smallest_token, *least) : *least;
      check.largest_token = std::max(check.largest_token, *most);
      any = true;
      reporter.advance(static_cast<int64_t>(tokens.size()) * bytes_of(index.type()));
    }
  }
  return check;
}

DatasetSummary merge_datasets(const fs::path& target, std::span<const fs::path> inputs,
                              bool overwrite, Reporter& reporter) {
  require(!inputs.empty(), Kind::user, "there is nothing to merge into {}", target.string());
  std::vector<IndexedDataset> datasets;
  int64_t bytes = 0;
  for (const fs::path& input : inputs) {
    const IndexView& index = datasets.emplace_back(input).index();
    const IndexView& first = datasets.front().index();
    require(index.type() == first.type(), Kind::unsupported,
            "{} holds {} and {} holds {}: only datasets of one type can be merged",
            inputs.front().string(), name(first.type()), input.string(), name(index.type()));
    require(!index.has_modes(), Kind::unsupported,
            "{} has a mode for each sequence (multimodal), which merging would lose",
            input.string());
    bytes += index.tokens() * bytes_of(index.type());
  }
  IndexedDatasetWriter writer(target, datasets.front().index().type(), overwrite);
  reporter.phase("merging", bytes);
  for (const IndexedDataset& dataset : datasets) {
    const IndexView& index = dataset.index();
    for (int64_t document = 0; document < index.documents(); ++document) {
      check_interrupt();
      for (int64_t i = index.document_begin(document); i < index.document_begin(document + 1);
           ++i) {
        writer.add_stored(dataset.bytes(i));
        reporter.advance(static_cast<int64_t>(dataset.bytes(i).size()));
      }
      writer.end_document();
    }
  }
  writer.finish();
  return summary_of(target);
}

}  // namespace bascule
