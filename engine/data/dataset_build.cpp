#include "data/dataset_build.h"

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/hash.h"
#include "data/indexed_dataset.h"
#include "data/publish.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int64_t kMostJournal = int64_t{16} << 20;

/// The journal of a build.
struct BuildJournal {
  std::string position;
  bool complete = false;
  std::vector<GrowthRecord> datasets;
};

Json record_json(const GrowthRecord& record) {
  return {{"tokens", record.tokens},
          {"sequences", record.sequences},
          {"documents", record.documents},
          {"hashes", {record.bin_hash, record.lengths_hash, record.documents_hash}}};
}

GrowthRecord record_of(const Json& json) {
  const Json& hashes = json.at("hashes");
  return {.tokens = json.at("tokens").get<int64_t>(),
          .sequences = json.at("sequences").get<int64_t>(),
          .documents = json.at("documents").get<int64_t>(),
          .bin_hash = hashes.at(0).get<std::string>(),
          .lengths_hash = hashes.at(1).get<std::string>(),
          .documents_hash = hashes.at(2).get<std::string>()};
}

BuildJournal journal_in(const fs::path& path, size_t datasets) {
  try {
    const Json json = Json::parse(read_small_file(path, kMostJournal));
    BuildJournal found{.position = json.at("position").get<std::string>(),
                       .complete = json.at("complete").get<bool>(),
                       .datasets = {}};
    for (const Json& each : json.at("datasets")) found.datasets.push_back(record_of(each));
    require(found.datasets.size() == datasets, Kind::format, "{} is of {} datasets, not of {}",
            path.string(), found.datasets.size(), datasets);
    return found;
  } catch (const Json::exception& error) {
    fail(Kind::format, "{} is no record of work: {}; remove its folder to start over: rm -r '{}'",
         path.string(), error.what(), path.parent_path().string());
  }
}

}  // namespace

DatasetBuild::DatasetBuild(const fs::path& target, std::vector<fs::path> prefixes, TokenType type,
                           std::string_view made_of, bool overwrite)
    : prefixes_(std::move(prefixes)),
      overwrite_(overwrite),
      workspace_(target, hash_of(made_of).hex()) {
  BuildJournal journal{.position = {}, .complete = false, .datasets = {}};
  journal.datasets.resize(prefixes_.size());
  if (workspace_.resumed()) journal = journal_in(workspace_.journal(), prefixes_.size());
  position_ = journal.position;
  complete_ = journal.complete;
  if (complete_) return;
  for (const fs::path& prefix : prefixes_) require_free(prefix, overwrite_);
  datasets_.reserve(prefixes_.size());
  for (size_t i = 0; i < prefixes_.size(); ++i)
    datasets_.emplace_back(partial(i), type, journal.datasets[i]);
}

fs::path DatasetBuild::partial(size_t dataset) const {
  return workspace_.directory() / prefixes_[dataset].filename();
}

void DatasetBuild::add(size_t dataset, std::span<const int32_t> tokens,
                       std::span<const int32_t> lengths, std::span<const int32_t> documents) {
  require(dataset < datasets_.size() && !complete_, Kind::internal,
          "there is no dataset {} to add to", dataset);
  datasets_[dataset].add(tokens, lengths, documents);
}

void DatasetBuild::write_journal(const std::vector<GrowthRecord>& records) {
  Json datasets = Json::array();
  for (const GrowthRecord& each : records) datasets.push_back(record_json(each));
  const Json json = {{"position", position_}, {"complete", complete_}, {"datasets", datasets}};
  write_file_atomically(workspace_.journal(), json.dump());
}

void DatasetBuild::record(const std::string& position) {
  std::vector<GrowthRecord> records;
  records.reserve(datasets_.size());
  for (GrowingDataset& each : datasets_) records.push_back(each.record());
  sync_directory(workspace_.directory());
  position_ = position;
  write_journal(records);
}

std::vector<DatasetSummary> DatasetBuild::finish() {
  if (!complete_) {
    std::vector<GrowthRecord> records;
    for (size_t i = 0; i < datasets_.size(); ++i) {
      records.push_back(datasets_[i].record());
      datasets_[i].finish(idx_path(partial(i)));
    }
    sync_directory(workspace_.directory());
    complete_ = true;
    write_journal(records);
  }
  for (size_t i = 0; i < prefixes_.size(); ++i) {
    // Once a .bin has its name, what lies there is ours.
    if (fs::exists(bin_path(partial(i)))) require_free(prefixes_[i], overwrite_);
    publish_dataset(bin_path(partial(i)), idx_path(partial(i)), prefixes_[i]);
  }
  workspace_.discard();
  std::vector<DatasetSummary> made;
  made.reserve(prefixes_.size());
  for (const fs::path& prefix : prefixes_) made.push_back(summary_of(prefix));
  return made;
}

}  // namespace bascule
