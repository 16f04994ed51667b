// Several indexed datasets as one, and one looked at: what `bascule data` does.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "bascule/reporter.h"
#include "data/token_type.h"

namespace bascule {

/// What an indexed dataset is, at a glance.
struct DatasetSummary {
  std::string prefix;
  TokenType type = TokenType::i32;
  int64_t documents = 0, sequences = 0, tokens = 0;
  int64_t bytes = 0;  ///< of both files
  bool has_modes = false;
};

/// The datasets that a path names: itself, or all directly in it where it is a folder, by name.
/// Throws Error{user} for a folder that has none.
std::vector<std::filesystem::path> datasets_at(const std::filesystem::path& path);

/// Opens a dataset, which checks its index, and returns its counts.
DatasetSummary summary_of(const std::filesystem::path& prefix);

/// What a full reading shows besides.
struct DatasetCheck {
  DatasetSummary summary;
  int64_t empty_sequences = 0, longest_sequence = 0;
  int64_t smallest_token = 0, largest_token = 0;  ///< 0 without tokens
};

/// Reads a dataset through. Throws Error{format} with the first thing that is wrong: what opening
/// finds; sequences that do not lie one after the other; bytes behind the last one; elements that
/// are no tokens; a token below 0 or, where `vocabulary` is not 0, not below it.
DatasetCheck check_dataset(const std::filesystem::path& prefix, int64_t vocabulary,
                           Reporter& reporter);

/// Writes the documents of `inputs`, in order, as one dataset. Throws Error{unsupported} when their
/// types differ or one has modes.
DatasetSummary merge_datasets(const std::filesystem::path& target,
                              std::span<const std::filesystem::path> inputs, bool overwrite,
                              Reporter& reporter);

}  // namespace bascule
