#include "cli/conversion.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/check.h"
#include "base/shown.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/quantities.h"
#include "settings/nearest.h"

namespace bascule::cli {
namespace {

constexpr int64_t kLeastMemory = int64_t{64} << 20;
constexpr int64_t kMostThreads = 1024;

int64_t peak_memory() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return int64_t{1024} * used.ru_maxrss;
}

std::vector<std::string> family_names(bool sketched) {
  std::vector<std::string> names;
  for (const FamilyInfo& family : models())
    if (family.supported || sketched) names.push_back(family.name);
  return names;
}

Option family_option(std::string& into) {
  Option made = choice("--family", "FAMILY",
                       "The model family, where the checkpoint does not say which it is; \"bascule "
                       "models\" lists them.",
                       family_names(false), into);
  // Sketched families are not offered; that they are not supported yet is said by what reads them.
  made.take = [&into, names = family_names(true)](const std::string& given) {
    require(std::find(names.begin(), names.end(), given) != names.end(), Kind::user,
            "unknown family {}{}; \"bascule models\" lists them", shown(given),
            did_you_mean(given, names));
    into = given;
  };
  return made;
}

Option dtype_option(std::string& into) {
  const std::vector<std::string> full = {"bfloat16", "float16", "float32"};
  Option made = choice("--dtype", "DTYPE",
                       "Convert floating-point parameters to bfloat16, float16 or float32 (or "
                       "bf16, fp16, fp32). By default they stay as they are stored.",
                       full, into);
  made.take = [checked = made.take](const std::string& given) {
    constexpr std::string_view kShort[][2] = {
        {"bf16", "bfloat16"}, {"fp16", "float16"}, {"fp32", "float32"}};
    for (const auto& [brief, whole] : kShort)
      if (given == brief) return checked(std::string(whole));
    checked(given);
  };
  return made;
}

}  // namespace

std::vector<Option> reading_options(Options& options, int64_t& threads) {
  return {
      family_option(options.family),
      texts(
          "--ignore-key", "KEY",
          "A key of config.json to leave out of account, where bascule does not know it and you "
          "know that it does not matter; one that says what the model is cannot be ignored. May be "
          "repeated.",
          options.ignore_keys),
      bytes("--memory",
            "Resident memory to stay below, such as 150M or 1G, 64M at least (default: 150M, which "
            "holds models of up to about 75,000 tensors; each takes 1.8 KB).",
            kLeastMemory, options.memory),
      count("--threads",
            fmt::format("Threads that work, as far as --memory has room: 2 MiB each beside 40 MiB "
                        "(default: {}).",
                        options.threads),
            1, kMostThreads, threads),
  };
}

std::vector<Option> writing_options(Options& options) {
  return {
      dtype_option(options.dtype),
      flag("--overwrite",
           "Replace a target that exists. The old one is removed after the new one is complete.",
           options.overwrite),
      flag("--dry-run", "Plan and check everything, write nothing.", options.dry_run),
      flag("--no-verify", "Do not read the result again and compare it with the source.",
           options.verify, false),
  };
}

Options settled(const Conversion& conversion) {
  Options options = conversion.options;
  options.threads = static_cast<int>(conversion.threads);
  options.wide = conversion.compat == "wide";
  return options;
}

Result convert(const Conversion& conversion, const Session& session, std::string_view verb,
               Converter converter) {
  const Options options = settled(conversion);
  Progress progress(session.err, session.quiet);
  const Outcome outcome = converter(conversion.source, conversion.target, options, progress);
  for (const std::string& warning : outcome.warnings)
    if (!progress.warned(warning)) progress.warn(warning);
  progress.finish();

  const bool unequal = outcome.verified && !outcome.report.equal();
  Result result{.exit = unequal ? exit_code(Kind::mismatch) : 0, .out = {}, .err = {}};
  if (session.json)
    result.out = outcome_json(outcome, options, peak_memory());
  else if (!session.quiet)
    result.out = outcome_text(outcome, conversion, verb, peak_memory(), session.out);
  return result;
}

}  // namespace bascule::cli
