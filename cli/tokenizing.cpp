#include "cli/tokenizing.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "bascule/bridge.h"
#include "base/check.h"
#include "base/process.h"
#include "base/shown.h"
#include "cli/failure.h"
#include "cli/python.h"

namespace bascule::cli {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMostWorkers = 4096;
constexpr int64_t kMostId = (int64_t{1} << 31) - 1;

// The current folder, where Python would look first, is not trusted.
constexpr const char* kProgram =
    "import sys\n"
    "sys.path = [each for each in sys.path if each]\n"
    "from bascule.data.program import main\n"
    "main(sys.argv[1:])\n";

/// The options as keywords of Python's tokenize().
Json keywords(const Tokenizing& told) {
  Json all = {
      {"json_keys", told.json_keys},         {"sample_by", told.sample_by},
      {"append_eod", told.append_eod},       {"add_special_tokens", told.add_special_tokens},
      {"chat_template", told.chat_template}, {"skip_bad_rows", told.skip_bad_rows},
      {"overwrite", told.overwrite}};
  if (told.eod_id >= 0) all["eod_id"] = told.eod_id;
  if (told.workers > 0) all["workers"] = told.workers;
  return all;
}

/// One line of what Python says: {"phase": NAME, "bytes": N}, {"advance": N}, {"note": TEXT},
/// {"warn": TEXT}, {"error": TEXT, "kind": NAME}, or {"made": [PREFIX ...]}, which is kept.
void relay(const Json& said, Reporter& reporter, std::vector<std::string>& made) {
  if (said.contains("phase"))
    reporter.phase(said["phase"].get<std::string>(), said.at("bytes").get<int64_t>());
  else if (said.contains("advance"))
    reporter.advance(said["advance"].get<int64_t>());
  else if (said.contains("note"))
    reporter.note(said["note"].get<std::string>());
  else if (said.contains("warn"))
    reporter.warn(said["warn"].get<std::string>());
  else if (said.contains("error"))
    throw Error(kind_called(said.at("kind").get<std::string>()), said["error"].get<std::string>());
  else
    made = said.at("made").get<std::vector<std::string>>();
}

}  // namespace

std::vector<Option> tokenizing_options(Tokenizing& told) {
  return {
      texts("--json-key", "KEY",
            "A key of each row whose value is a text, or a list of texts, each a sequence; may be "
            "repeated (default: text; with --chat-template: messages).",
            told.json_keys),
      choice("--sample-by", "UNIT",
             "What of a .txt file is a document: line, paragraph or document (default: line).",
             {"line", "paragraph", "document"}, told.sample_by),
      flag("--append-eod", "End each document that is not empty with the tokenizer's eos_token.",
           told.append_eod),
      count("--eod-id", "The token for --append-eod (default: the tokenizer's eos_token).", 0,
            kMostId, told.eod_id),
      flag("--add-special-tokens",
           "Add what the tokenizer adds around a text, such as a bos_token.",
           told.add_special_tokens),
      flag("--chat-template", "Rows hold messages, which the tokenizer's chat template renders.",
           told.chat_template),
      flag("--skip-bad-rows", "Leave out rows that cannot be used, and count them.",
           told.skip_bad_rows),
      flag("--overwrite", "Replace a result that exists, once the new one is complete.",
           told.overwrite),
      count("--workers", "Processes that tokenize (default: one for each core).", 1, kMostWorkers,
            told.workers)};
}

Tokenizing settled(Tokenizing told) {
  require(told.eod_id < 0 || told.append_eod, Kind::user, "--eod-id goes with --append-eod only");
  require(!told.chat_template || !told.add_special_tokens, Kind::user,
          "--add-special-tokens does not go with --chat-template, which writes them itself");
  if (told.json_keys.empty()) told.json_keys = {told.chat_template ? "messages" : "text"};
  require(!told.chat_template || told.json_keys.size() == 1, Kind::user,
          "--chat-template takes one --json-key, not {}", told.json_keys.size());
  for (auto key = told.json_keys.begin(); key != told.json_keys.end(); ++key)
    require(!key->empty() && std::find(told.json_keys.begin(), key, *key) == key, Kind::user,
            "--json-key {} is empty or given twice", shown(*key));
  return told;
}

std::vector<std::string> tokenize(const Tokenizing& told, Reporter& reporter) {
  offer_package();
  const Json asked = {{"version", version()}, {"keywords", keywords(told)}};
  std::vector<std::string> words = {find_python(), "-c",           kProgram,
                                    asked.dump(),  told.tokenizer, told.output};
  words.insert(words.end(), told.inputs.begin(), told.inputs.end());
  std::vector<std::string> made;
  const bool ran = run_program(words, [&](std::string_view line) {
    try {
      relay(Json::parse(line), reporter, made);
    } catch (const Json::exception& error) {
      fail(Kind::environment, "{} wrote {}, which was not expected: {}", words[0], shown(line),
           error.what());
    }
  });
  require(ran && !made.empty(), Kind::environment,
          "{} could not tokenize; it needs the packages bascule and tokenizers (in a clone of "
          "bascule: pip install '.[data]'): name a Python that has them in BASCULE_PYTHON",
          words[0]);
  return made;
}

}  // namespace bascule::cli
