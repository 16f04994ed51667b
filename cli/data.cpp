#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "base/check.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/quantities.h"
#include "cli/table.h"
#include "cli/tokenizing.h"
#include "cli/verb_table.h"
#include "data/dataset_tools.h"
#include "data/indexed_dataset.h"

namespace bascule::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostTokens = int64_t{1} << 31;  // a vocabulary is smaller

/// An option that was given, and the actions that have it.
struct Given {
  std::string option;
  std::vector<std::string> actions;
};

struct Told {
  std::string action;
  std::vector<std::string> words;
  int64_t vocabulary = 0;
  Tokenizing tokenizing;
  std::vector<Given> given;

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

/// What list, merge and tokenize say of datasets.
Result shown_list(const std::vector<DatasetSummary>& datasets, const Session& session) {
  if (session.json) return {.exit = 0, .out = dataset_list_json(datasets), .err = {}};
  if (session.quiet) return {};
  return {.exit = 0, .out = summary_table(datasets, session.out), .err = {}};
}

Result list(const Told& told, const Session& session) {
  std::vector<DatasetSummary> datasets;
  for (const fs::path& path : told.datasets()) datasets.push_back(summary_of(path));
  return shown_list(datasets, session);
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
  const DatasetSummary made = merge_datasets(target, inputs, told.tokenizing.overwrite, progress);
  progress.finish();
  return shown_list({made}, session);
}

Result tokenize(const Told& told, const Session& session) {
  Tokenizing tokenizing = told.tokenizing;
  tokenizing.inputs = told.words;
  require(!tokenizing.tokenizer.empty() && !tokenizing.output.empty(), Kind::user,
          "tokenize needs --tokenizer and --output: bascule data tokenize INPUT ... --tokenizer "
          "DIR --output PREFIX");
  Progress progress(session.err, session.quiet);
  std::vector<DatasetSummary> made;
  for (const std::string& prefix : bascule::cli::tokenize(settled(tokenizing), progress))
    made.push_back(summary_of(prefix));
  progress.finish();
  return shown_list(made, session);
}

struct Action {
  const char* name;
  Result (*run)(const Told& told, const Session& session);
};
constexpr Action kActions[] = {
    {"list", list}, {"check", check}, {"merge", merge}, {"tokenize", tokenize}};

Result act(const Told& told, const Session& session) {
  for (const Given& each : told.given)
    require(std::find(each.actions.begin(), each.actions.end(), told.action) != each.actions.end(),
            Kind::user, "{} belongs to {}, not to {}", each.option,
            fmt::join(each.actions, " and "), told.action);
  for (const Action& action : kActions)
    if (told.action == action.name) return action.run(told, session);
  fail(Kind::internal, "there is no action {}", told.action);
}

/// An option that only some actions have, which its help says; act() looks after it.
Option of(std::vector<std::string> actions, Option option, Told& told) {
  const auto first = static_cast<unsigned char>(option.help.front());
  option.help = fmt::format("{}: {}{}", fmt::join(actions, ", "),
                            static_cast<char>(std::tolower(first)), option.help.substr(1));
  option.take = [take = std::move(option.take), &told, name = option.name,
                 actions = std::move(actions)](const std::string& value) {
    told.given.push_back({name, actions});
    take(value);
  };
  return option;
}

std::vector<std::string> action_names() {
  std::vector<std::string> names;
  for (const Action& action : kActions) names.emplace_back(action.name);
  return names;
}

Invocation make() {
  auto told = std::make_shared<Told>();
  Option action =
      choice("ACTION", "ACTION", "list, check, merge or tokenize.", action_names(), told->action);
  action.required = true;
  Option paths = texts("PATH", "PATH",
                       "Indexed datasets: PREFIX of PREFIX.bin and PREFIX.idx, one of the two "
                       "files, or a folder for all in it. For merge the first names the result. "
                       "For tokenize: files named .jsonl, .json, .parquet or .txt, the text ones "
                       "also with .gz or .zst behind.",
                       told->words);
  paths.required = true;
  Tokenizing& tokenizing = told->tokenizing;
  Invocation made;
  made.options = {std::move(action), std::move(paths),
                  of({"check"},
                     count("--vocabulary", "Tokens must be below this (default: any).", 1,
                           kMostTokens, told->vocabulary),
                     *told),
                  of({"tokenize"},
                     text("--tokenizer", "DIR",
                          "A directory with tokenizer.json, or the id of a model "
                          "in the local Hub cache.",
                          tokenizing.tokenizer),
                     *told),
                  of({"tokenize"},
                     text("--output", "PREFIX",
                          "The dataset to make; with several --json-key one each, "
                          "PREFIX_KEY_document.",
                          tokenizing.output),
                     *told)};
  for (Option& option : tokenizing_options(tokenizing)) {
    const bool both = option.name == "--overwrite";
    made.options.push_back(of(
        both ? std::vector<std::string>{"merge", "tokenize"} : std::vector<std::string>{"tokenize"},
        std::move(option), *told));
  }
  made.run = [told](const Session& session) { return act(*told, session); };
  return made;
}

}  // namespace

Verb data_verb() {
  return {
      .name = "data",
      .summary = "Make, list, check or merge indexed datasets.",
      .description =
          "Indexed datasets are what Megatron trains on: PREFIX.bin holds the tokens, PREFIX.idx "
          "where each sequence and each document begins.\n\n"
          "list opens them, which checks every count and offset of the index against the sizes of "
          "the files, and prints what they hold. check also reads every token, and ends with exit "
          "code 3 at the first thing that is wrong. merge writes the documents of several "
          "datasets, in order, as one; their dtypes must agree.\n\n"
          "tokenize makes one of texts, the bytes that Megatron's IndexedDatasetBuilder writes for "
          "the same tokens, in the order of the inputs. When it is stopped or killed, the same "
          "command goes on. It runs in a Python that has the packages bascule and tokenizers: "
          "BASCULE_PYTHON, else python3 beside this program, else the one on PATH.",
      .examples =
          "# What is in a folder?\n"
          "bascule data list datasets\n\n"
          "# Read one through: are all tokens of a model with 50,000?\n"
          "bascule data check datasets/wiki --vocabulary 50000\n\n"
          "# Two as one\n"
          "bascule data merge datasets/both datasets/wiki datasets/books\n\n"
          "# Make one of texts\n"
          "bascule data tokenize pages.jsonl --tokenizer Llama-3.2-1B --output pages",
      .make = make,
  };
}

}  // namespace bascule::cli
