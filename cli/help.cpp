#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace bascule::cli {
namespace {

constexpr size_t kNarrowest = 60, kWidest = 100, kUnknown = 80;

constexpr std::string_view kWhat =
    "bascule converts model checkpoints between Hugging Face and Megatron Core, exactly: what it "
    "writes it reads again and compares, element by element, before the result gets its name. It "
    "needs neither Python nor a GPU, and its memory does not grow with the model.";

constexpr std::string_view kExitCodes[][2] = {
    {"0", "done, or equal"},
    {"2", "usage, a target that exists, a wrong setting"},
    {"3", "a file cannot be parsed or breaks its format"},
    {"4", "an unknown, missing or wrongly shaped tensor; a difference was found"},
    {"5", "an architecture, key or combination that is not supported"},
    {"6", "I/O error, no space, no permission, locked by another process"},
    {"70", "internal error"},
    {"130, 143",
     "stopped by SIGINT, SIGTERM; 0 after a training that they stopped has saved "
     "(train.exit_signal_handler)"},
    {"141", "done, but the reader of the output left early"},
};

size_t text_columns(const Terminal& terminal) {
  if (terminal.columns <= 0) return kUnknown;
  return std::clamp(static_cast<size_t>(terminal.columns), kNarrowest, kWidest);
}

std::string heading(const Terminal& terminal, std::string_view text) {
  return "\n" + terminal.bold(text) + "\n";
}

std::string paragraphs(std::string_view text, size_t columns) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find("\n\n"), text.size());
    for (const std::string& line : wrapped(text.substr(0, end), columns)) out += line + "\n";
    text.remove_prefix(std::min(end + 2, text.size()));
    if (!text.empty()) out += "\n";
  }
  return out;
}

std::string indented(std::string_view text) {
  std::string out;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && c != '\n') out += "  ";
    out += c;
    at_start = c == '\n';
  }
  return out + "\n";
}

/// Terms and what they mean, in two columns.
std::string terms(const std::vector<std::pair<std::string, std::string>>& rows, size_t columns) {
  constexpr size_t kWidestTerm = 27;
  size_t term_width = 0;
  for (const auto& [term, text] : rows)
    if (term.size() <= kWidestTerm) term_width = std::max(term_width, term.size());
  std::string out;
  for (const auto& [term, text] : rows) {
    std::string line = "  " + term;
    if (term.size() > term_width) {
      out += line + "\n";
      line.clear();
    }
    for (const std::string& part : wrapped(text, columns - term_width - 4)) {
      line.resize(term_width + 4, ' ');
      out += line + part + "\n";
      line.clear();
    }
  }
  return out;
}

std::string usage(const Verb& verb, const std::vector<Option>& options) {
  std::string line = fmt::format("bascule {}", verb.name);
  if (verb.make == nullptr) return fmt::format("{} {}", line, verb.usage);
  for (const Option& option : options) {
    if (!option.positional()) continue;
    const std::string name = option.name + (option.repeatable ? " ..." : "");
    line += option.required ? " " + name : " [" + name + "]";
  }
  for (const Option& option : options)
    if (option.required && !option.positional())
      line += fmt::format(" {} {}", option.name, option.value);
  return line + " [options]";
}

std::string option_terms(const std::vector<Option>& options, bool positional, size_t columns) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Option& option : options) {
    if (option.positional() != positional) continue;
    std::string term = option.name;
    if (!positional && !option.flag()) term += " " + option.value;
    rows.emplace_back(term, option.help);
  }
  if (!positional) rows.emplace_back("--help", "Print this text and stop.");
  return terms(rows, columns);
}

}  // namespace

std::vector<Option> all_options(const Invocation& invocation, Session& session) {
  std::vector<Option> options = invocation.options;
  options.push_back(flag("--json",
                         "Print one JSON object on stdout, also for an error; progress and "
                         "messages stay on stderr.",
                         session.json));
  options.push_back(flag("--quiet",
                         "No progress and no summary; only warnings and errors, and the exit code.",
                         session.quiet));
  return options;
}

std::string overview(const Terminal& terminal) {
  const size_t columns = text_columns(terminal);
  std::string out = paragraphs(kWhat, columns);
  out += heading(terminal, "Usage") + "  bascule VERB [arguments] [options]\n" +
         "  bascule VERB --help         what the verb does, its options, examples\n";
  for (const bool engine : {false, true}) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const Verb& verb : verbs())
      if ((verb.make == nullptr) == engine) rows.emplace_back(verb.name, verb.summary);
    out += heading(terminal, engine ? "Verbs that need bascule-engine" : "Verbs");
    out += terms(rows, columns);
  }
  out += heading(terminal, "Options");
  out += terms({{"--help", "Print this text and stop."}, {"--version", "Print the version."}},
               columns);
  out += heading(terminal, "Start here") +
         "  bascule import HF_DIR CKPT_DIR      Hugging Face to Megatron\n"
         "  bascule export CKPT_DIR HF_DIR      and back\n"
         "  bascule verify HF_DIR CKPT_DIR      both hold the same model\n";
  std::vector<std::pair<std::string, std::string>> codes;
  for (const auto& [code, text] : kExitCodes) codes.emplace_back(code, text);
  return out + heading(terminal, "Exit codes") + terms(codes, columns);
}

std::string verb_help(const Verb& verb, const Terminal& terminal) {
  const size_t columns = text_columns(terminal);
  Session session;
  const Invocation invocation = verb.make != nullptr ? verb.make() : Invocation{};
  const std::vector<Option> options = all_options(invocation, session);
  std::string out = paragraphs(verb.summary, columns);
  out += heading(terminal, "Usage") + "  " + usage(verb, options) + "\n\n";
  out += paragraphs(verb.description, columns);
  if (verb.make != nullptr) {
    const std::string arguments = option_terms(options, true, columns);
    if (!arguments.empty()) out += heading(terminal, "Arguments") + arguments;
    out += heading(terminal, "Options") + option_terms(options, false, columns);
  }
  return out + heading(terminal, "Examples") + indented(verb.examples);
}

}  // namespace bascule::cli
