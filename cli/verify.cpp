#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/conversion.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/quantities.h"
#include "cli/table.h"
#include "cli/verb_table.h"

namespace bascule::cli {
namespace {

using Verdict = TensorReport::Verdict;
constexpr size_t kShown = 20;

/// At most kShown lines, then how many more there are.
std::string first_lines(const std::vector<std::string>& lines, const Terminal& terminal) {
  std::string out;
  for (size_t i = 0; i < std::min(lines.size(), kShown); ++i) out += line("  ", lines[i], terminal);
  if (lines.size() > kShown)
    out += fmt::format("  and {} more; --json lists all\n",
                       grouped(static_cast<int64_t>(lines.size() - kShown)));
  return out;
}

std::string report_text(const Report& report, const Terminal& terminal) {
  std::vector<std::string> differences;
  for (const TensorReport& row : report.tensors)
    if (row.verdict != Verdict::equal) differences.push_back(sentence(row));
  if (!report.difference.empty()) differences.insert(differences.begin(), report.difference);
  std::string out = first_lines(differences, terminal);
  for (const std::string& note : report.notes) out += line("note: ", note, terminal);
  const int64_t all = static_cast<int64_t>(report.tensors.size()) + report.without_row;
  if (report.equal())
    return out + terminal.green("equal:") +
           fmt::format(" {}, {}, bit for bit\n", counted(all, "tensor"),
                       counted(report.elements(), "parameter"));
  return out + terminal.red("not equal:") +
         fmt::format(" {}: {} equal, {} differ, {} absent, {} extra\n", counted(all, "tensor"),
                     grouped(report.count(Verdict::equal)), grouped(report.count(Verdict::differs)),
                     grouped(report.count(Verdict::absent)), grouped(report.count(Verdict::extra)));
}

std::string self_check_text(const SelfCheck& check, const Terminal& terminal) {
  std::string out = first_lines(check.problems, terminal);
  if (!check.has_manifest)
    out += "note: there is no manifest, so only the structure was checked, not the bytes\n";
  const std::string seen =
      fmt::format(" {}, {}", counted(check.files, "file"), counted(check.tensors, "tensor"));
  if (check.problems.empty())
    return out + terminal.green("sound:") + seen +
           (check.has_manifest ? ", as its manifest says\n" : "\n");
  return out + terminal.red("not sound:") + seen +
         fmt::format(", {}\n", counted(static_cast<int64_t>(check.problems.size()), "problem"));
}

Invocation make() {
  auto told = std::make_shared<Conversion>();
  Invocation made;
  made.options = {
      argument("A", "A Hugging Face model or a Megatron checkpoint, or one iteration of it.",
               told->source),
      optional_argument("B", "Another, of either format.", told->target),
  };
  for (Option& option : reading_options(told->options, told->threads))
    made.options.push_back(std::move(option));
  made.run = [told](const Session& session) -> Result {
    Options options = settled(*told);
    options.brief = !session.json;
    Progress progress(session.err, session.quiet);
    const int different = exit_code(Kind::mismatch);
    if (told->target.empty()) {
      const SelfCheck check = verify_checkpoint(told->source, options, progress);
      const int exit = check.problems.empty() ? 0 : different;
      if (session.json) return {.exit = exit, .out = self_check_json(check), .err = {}};
      if (session.quiet) return {.exit = exit, .out = {}, .err = {}};
      return {.exit = exit, .out = self_check_text(check, session.out), .err = {}};
    }
    const Report report = verify_checkpoints(told->source, told->target, options, progress);
    const int exit = report.equal() ? 0 : different;
    if (session.json) return {.exit = exit, .out = report_json(report), .err = {}};
    if (session.quiet) return {.exit = exit, .out = {}, .err = {}};
    return {.exit = exit, .out = report_text(report, session.out), .err = {}};
  };
  return made;
}

}  // namespace

Verb verify_verb() {
  return {
      .name = "verify",
      .summary = "Show that two checkpoints hold the same model, or that one is sound.",
      .description =
          "With two checkpoints, of either format and in any order: compares them parameter by "
          "parameter, whatever their tensors are called and however they are fused, split, padded "
          "or sharded, and says what is equal, what differs (how many elements, where first, both "
          "values), and what only one of them has. Settings that make the same weights compute "
          "something else differ, too. Rows that only pad a vocabulary are no part of the model, "
          "and are not compared. Exit code 4 on any difference.\n\n"
          "With one: hashes its files and compares them with the manifest that bascule wrote. A "
          "checkpoint without a manifest has only its structure checked, and that is said.",
      .examples =
          "# A model and its converted form\n"
          "bascule verify Llama-3.2-1B checkpoints/llama\n\n"
          "# Every tensor's verdict and hash, for a program\n"
          "bascule verify checkpoints/llama Llama-3.2-1B --json\n\n"
          "# Are the files still what was written?\n"
          "bascule verify checkpoints/llama",
      .make = make,
  };
}

}  // namespace bascule::cli
