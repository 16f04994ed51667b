// Indexed datasets that are written side by side and survive being killed: what was recorded is
// kept and gone on with, and nothing has its final name before all is complete.
//
// Work lies in a Workspace, .NAME.partial-<hash of what is being made>, whose journal is the last
// record. Belongs to one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/commit.h"
#include "data/dataset_tools.h"
#include "data/growing_dataset.h"

namespace bascule {

class DatasetBuild {
 public:
  /// Makes `prefixes`, which lie in one folder, in a workspace of `target` there. `made_of` says
  /// what they are made of and how: other work on the target has another, and is not gone on with.
  /// Throws Error{user} where one of them exists and `overwrite` is not set.
  DatasetBuild(const std::filesystem::path& target, std::vector<std::filesystem::path> prefixes,
               TokenType type, std::string_view made_of, bool overwrite);

  /// What the last record said; empty at the beginning.
  const std::string& position() const { return position_; }
  /// Whether all was added before: only finish() is left.
  bool complete() const { return complete_; }
  /// What the user should know: see Workspace.
  const std::vector<std::string>& notices() const { return workspace_.notices(); }

  /// Adds whole documents to the dataset of prefixes[`dataset`]; see GrowingDataset.
  void add(size_t dataset, std::span<const int32_t> tokens, std::span<const int32_t> lengths,
           std::span<const int32_t> documents);

  /// Makes all that was added durable. Work that is gone on with begins here, at `position`.
  void record(const std::string& position);

  /// Gives the datasets their names, and removes the workspace.
  std::vector<DatasetSummary> finish();

 private:
  void write_journal(const std::vector<GrowthRecord>& records);
  std::filesystem::path partial(size_t dataset) const;

  std::vector<std::filesystem::path> prefixes_;
  bool overwrite_;
  Workspace workspace_;
  std::string position_;
  bool complete_ = false;
  std::vector<GrowingDataset> datasets_;
};

}  // namespace bascule
