#include "cli/parse.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/check.h"
#include "base/shown.h"
#include "settings/nearest.h"

namespace bascule::cli {
namespace {

constexpr int kMostWords = 1 << 20;  // of one argument; a command line has no room for more

std::string hint(std::string_view verb) {
  return fmt::format("; \"bascule {} --help\" lists what it takes", verb);
}

[[noreturn]] void refuse_extra(std::string_view verb, const std::vector<Option>& options,
                               const std::string& word) {
  std::vector<std::string> names = {"--help"};
  for (const Option& option : options)
    if (!option.positional()) names.push_back(option.name);
  const std::string name = word.substr(0, word.find('='));
  // A known option that is left over stands behind "--", where words are arguments.
  const bool known = std::find(names.begin(), names.end(), name) != names.end();
  if (word.size() < 2 || word.front() != '-' || known)
    fail(Kind::user, "{} is one argument too many{}", shown(word), hint(verb));
  const std::string meant = did_you_mean(name, names);
  fail(Kind::user, "unknown option {}{}", shown(name), meant.empty() ? hint(verb) : meant);
}

/// CLI11's words for a mistake, as ours.
[[noreturn]] void refuse(std::string_view verb, const std::vector<Option>& options,
                         const CLI::ParseError& error) {
  const std::string what = error.what();
  for (const Option& option : options) {
    if (option.positional()) continue;
    // "--memory: 1 required TEXT missing", "json was given a disallowed flag override"
    if (option.flag() && what.rfind(option.name.substr(2) + " ", 0) == 0)
      fail(Kind::user, "{} takes no value", option.name);
    if (what.rfind(option.name + ":", 0) == 0)
      fail(Kind::user, "{} needs a value: {} {}", option.name, option.name, option.value);
  }
  fail(Kind::user, "{}{}", what, hint(verb));
}

}  // namespace

void parse(std::string_view verb, const std::vector<Option>& options,
           const std::vector<std::string>& words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<CLI::Option*> declared;
  declared.reserve(options.size());
  for (const Option& option : options) {
    declared.push_back(option.flag() ? app.add_flag(option.name)->disable_flag_override()
                                     : app.add_option(option.name)->take_all());
    if (option.positional() && option.repeatable)
      declared.back()->expected(1, kMostWords)->allow_extra_args();
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // it takes them reversed
  } catch (const CLI::ParseError& error) {
    refuse(verb, options, error);
  }
  std::vector<std::string> extras = app.remaining();
  const auto mark = std::find(extras.begin(), extras.end(), "--");
  if (mark != extras.end()) extras.erase(mark);
  // An option that is not known explains a word too many that follows it.
  const auto unknown = std::find_if(extras.begin(), extras.end(), [](const std::string& word) {
    return word.size() > 1 && word.front() == '-';
  });
  if (unknown != extras.end()) refuse_extra(verb, options, *unknown);
  if (!extras.empty()) refuse_extra(verb, options, extras.front());

  for (size_t i = 0; i < options.size(); ++i) {
    const Option& option = options[i];
    if (option.required && declared[i]->count() == 0)
      fail(Kind::user, "{} is missing; \"bascule {} --help\" has examples", option.name, verb);
    for (const std::string& value : declared[i]->results()) option.take(value);
  }
}

bool mentions(const std::vector<std::string>& words, std::string_view option) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::find(words.begin(), end, option) != end;
}

}  // namespace bascule::cli
