#include <fmt/ranges.h>

#include "cli/conversion.h"
#include "cli/quantities.h"
#include "cli/table.h"

namespace bascule::cli {
namespace {

std::string step_text(const Step& step) {
  std::string out = seconds_text(step.seconds);
  if (step.bytes > 0 && step.seconds > 0)
    out += fmt::format(", {}, {}", data_text(step.bytes),
                       rate_text(static_cast<double>(step.bytes) / step.seconds));
  return out;
}

std::string verdict(const Outcome& outcome, const Options& options, const Terminal& terminal) {
  if (options.dry_run) return "dry run: nothing was written\n";
  if (!outcome.verified) return "not verified: --no-verify\n";
  const std::string after =
      options.dtype.empty() ? "" : fmt::format(", after conversion to {}", options.dtype);
  return terminal.green("verified:") + fmt::format(" {} equal, bit for bit{}\n",
                                                   counted(outcome.report.elements(), "parameter"),
                                                   after);
}

}  // namespace

std::string outcome_text(const Outcome& outcome, const Conversion& conversion,
                         std::string_view verb, int64_t peak_memory, const Terminal& terminal) {
  const bool dry = conversion.options.dry_run;
  Rows rows = {
      {"target", outcome.target},
      {"family", outcome.family},
      {"parameters", grouped(outcome.parameters)},
      {"tensors", fmt::format("{} read, {} {}", grouped(outcome.tensors_read),
                              grouped(outcome.tensors_written), dry ? "to write" : "written")},
      {"size", data_text(outcome.bytes_written)}};
  if (!outcome.ignored_keys.empty())
    rows.push_back({"ignored keys", fmt::format("{}", fmt::join(outcome.ignored_keys, ", "))});
  for (const Step& step : outcome.steps) rows.push_back({step.name, step_text(step)});
  rows.push_back({"peak memory", memory_text(peak_memory)});
  // On a terminal they stand above already.
  if (terminal.columns > 0 && !outcome.warnings.empty())
    rows.push_back({"warnings", fmt::format("{}, above", outcome.warnings.size())});
  else
    for (const std::string& warning : outcome.warnings) rows.push_back({"warning", warning});
  const std::string heading = fmt::format("{}{}{} {}", dry ? "would " : "", verb, dry ? "" : "ed",
                                          printable(conversion.source));
  return terminal.bold(heading) + "\n" + listing(rows, terminal) +
         verdict(outcome, conversion.options, terminal);
}

}  // namespace bascule::cli
