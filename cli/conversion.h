// What import and export share: their options, and how they say what they did.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bascule/bridge.h"
#include "cli/verb.h"

namespace bascule::cli {

constexpr int64_t kMostPadding = int64_t{1} << 24;  // vocabularies are smaller

/// What one conversion is told to do; the options are bound to it.
struct Conversion {
  std::string source = {}, target = {}, compat = "default";
  Options options = {};
  int64_t threads = Options{}.threads;  ///< for options.threads, see settled()
};

/// What a plan is told besides.
struct Planned : Conversion {
  std::string to, only;
  ParallelSizes sizes;
};

/// Options of all that read checkpoints: --family, --ignore-key, --memory, --threads.
std::vector<Option> reading_options(Options& options, int64_t& threads);
/// Options of those that write one.
std::vector<Option> writing_options(Options& options);

/// All options of a verb, without its arguments; Python's keywords are these, too.
std::vector<Option> import_options(Conversion& told);
std::vector<Option> export_options(Conversion& told);
std::vector<Option> plan_options(Planned& told);

/// The options as they are once all words are read.
Options settled(const Conversion& conversion);

/// Runs a conversion with progress and returns its summary, or its JSON.
using Converter = Outcome (*)(const std::string& source, const std::string& target,
                              const Options& options, Reporter& reporter);
Result convert(const Conversion& conversion, const Session& session, std::string_view verb,
               Converter converter);

/// What a conversion did, for people: "imported Llama-3.2-1B", a table, a verdict.
std::string outcome_text(const Outcome& outcome, const Conversion& conversion,
                         std::string_view verb, int64_t peak_memory, const Terminal& terminal);

}  // namespace bascule::cli
