#include <memory>

#include "base/check.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/quantities.h"
#include "cli/table.h"
#include "cli/verb_table.h"
#include "data/dataset_tools.h"
#include "data/indexed_dataset.h"

namespace bascule::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostTokens = int64_t{1} << 31;  // a vocabulary is smaller

struct Told {
  std::string action;
  std::vector<std::string> words;
  int64_t vocabulary = 0;
  bool overwrite = false;

  /// The datasets that the words from `first` on name.
  std::vector<fs::path> datasets(size_t first = 0) const {
    std::vector<fs::path> all;
    for (size_t i = first; i < words.size(); ++i)
      for (fs::path& each : datasets_at(words[i])) all.push_back(std::move(each));
    return all;
  }
};

std::vector<std::string> summary_row(const DatasetSummary& dataset) {
  return {grouped(dataset.documents), grouped(dataset.sequences),
          grouped(dataset.tokens),    std::string(name(dataset.type)),
          data_text(dataset.bytes),   dataset.prefix + (dataset.has_modes ? " (multimodal)" : "")};
}

std::string summary_table(const std::vector<DatasetSummary>& datasets, const Terminal& terminal) {
  Rows rows;
  rows.reserve(datasets.size());
  for (const DatasetSummary& dataset : datasets) rows.push_back(summary_row(dataset));
  return table({{.heading = "DOCUMENTS", .right = true},
                {.heading = "SEQUENCES", .right = true},
                {.heading = "TOKENS", .right = true},
                {.heading = "DTYPE"},
                {.heading = "SIZE", .right = true},
                {.heading = "DATASET"}},  // last, because it is long
               rows, terminal);
}

std::string check_text(const DatasetCheck& check, const Terminal& terminal) {
  const DatasetSummary& dataset = check.summary;
  const Rows rows = {
      {"documents", grouped(dataset.documents)},
      {"sequences", grouped(dataset.sequences) + ", the longest of " +
                        counted(check.longest_sequence, "token") + ", " +
                        grouped(check.empty_sequences) + " empty"},
      {"tokens", grouped(dataset.tokens) + ", from " + grouped(check.smallest_token) + " to " +
                     grouped(check.largest_token)},
      {"dtype", std::string(name(dataset.type))},
      {"size", data_text(dataset.bytes)}};
  return terminal.bold(printable(dataset.prefix) + " is sound") + "\n" + listing(rows, terminal);
}

Result list(const Told& told, const Session& session) {
  std::vector<DatasetSummary> datasets;
  for (const fs::path& path : told.datasets()) datasets.push_back(summary_of(path));
  if (session.json) return {.exit = 0, .out = dataset_list_json(datasets), .err = {}};
  if (session.quiet) return {};
  return {.exit = 0, .out = summary_table(datasets, session.out), .err = {}};
}

Result check(const Told& told, const Session& session) {
  Progress progress(session.err, session.quiet);
  std::vector<DatasetCheck> checks;
  for (const fs::path& path : told.datasets())
    checks.push_back(check_dataset(path, told.vocabulary, progress));
  progress.finish();
  if (session.json) return {.exit = 0, .out = dataset_check_json(checks), .err = {}};
  if (session.quiet) return {};
  std::string out;
  for (const DatasetCheck& each : checks) out += check_text(each, session.out);
  return {.exit = 0, .out = std::move(out), .err = {}};
}

Result merge(const Told& told, const Session& session) {
  require(told.words.size() >= 2, Kind::user,
          "merge takes the name of the result and then the datasets to merge: bascule data merge "
          "OUT IN ...");
  const fs::path target = dataset_prefix(told.words.front());
  const std::vector<fs::path> inputs = told.datasets(1);
  Progress progress(session.err, session.quiet);
  const DatasetSummary made = merge_datasets(target, inputs, told.overwrite, progress);
  progress.finish();
  if (session.json) return {.exit = 0, .out = dataset_list_json({made}), .err = {}};
  if (session.quiet) return {};
  return {.exit = 0, .out = summary_table({made}, session.out), .err = {}};
}

Result act(const Told& told, const Session& session) {
  require(told.vocabulary == 0 || told.action == "check", Kind::user,
          "--vocabulary belongs to check, not to {}", told.action);
  require(!told.overwrite || told.action == "merge", Kind::user,
          "--overwrite belongs to merge, not to {}", told.action);
  if (told.action == "list") return list(told, session);
  return told.action == "check" ? check(told, session) : merge(told, session);
}

Invocation make() {
  auto told = std::make_shared<Told>();
  Option action =
      choice("ACTION", "ACTION", "list, check or merge.", {"list", "check", "merge"}, told->action);
  action.required = true;
  Option paths = texts("PATH", "PATH",
                       "Indexed datasets: PREFIX of PREFIX.bin and PREFIX.idx, one of the two "
                       "files, or a folder for all in it. For merge the first names the result.",
                       told->words);
  paths.required = true;
  Invocation made;
  made.options = {
      std::move(action), std::move(paths),
      count("--vocabulary", "check: tokens must be below this (default: any).", 1, kMostTokens,
            told->vocabulary),
      flag("--overwrite", "merge: replace a result that exists, once the new one is complete.",
           told->overwrite)};
  made.run = [told](const Session& session) { return act(*told, session); };
  return made;
}

}  // namespace

Verb data_verb() {
  return {
      .name = "data",
      .summary = "List, check or merge indexed datasets.",
      .description =
          "Indexed datasets are what Megatron trains on: PREFIX.bin holds the tokens, PREFIX.idx "
          "where each sequence and each document begins.\n\n"
          "list opens them, which checks every count and offset of the index against the sizes of "
          "the files, and prints what they hold. check also reads every token, and ends with exit "
          "code 3 at the first thing that is wrong. merge writes the documents of several "
          "datasets, in order, as one; their dtypes must agree.",
      .examples =
          "# What is in a folder?\n"
          "bascule data list datasets\n\n"
          "# Read one through: are all tokens of a model with 50,000?\n"
          "bascule data check datasets/wiki --vocabulary 50000\n\n"
          "# Two as one\n"
          "bascule data merge datasets/both datasets/wiki datasets/books",
      .make = make,
  };
}

}  // namespace bascule::cli
