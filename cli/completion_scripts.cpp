#include <fmt/format.h>

#include "cli/completion.h"
#include "cli/help.h"
#include "cli/verb.h"

namespace bascule::cli {
namespace {

std::vector<Option> options_of(const Verb& verb) {
  Session ignored;
  std::vector<Option> options = all_options(verb.make(), ignored);
  options.push_back({.name = "--help",
                     .value = {},
                     .help = "Print what the verb does and stop.",
                     .take = {},
                     .choices = {}});
  return options;
}

/// The first sentence of a help text, in single quotes, without what a shell would read.
std::string described(std::string_view help) {
  std::string out;
  for (const char c : help.substr(0, help.find(". ")))
    if (std::string_view("'\"[]:\\`$").find(c) == std::string_view::npos) out += c;
  if (!out.empty() && out.back() == '.') out.pop_back();
  return "'" + out + "'";
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace

std::string bash_completion() {
  std::string values, names;
  for (const Verb& verb : verbs()) {
    if (verb.make == nullptr) continue;
    std::vector<std::string> all;
    for (const Option& option : options_of(verb)) {
      if (!option.positional()) all.push_back(option.name);
      const std::string key = option.positional() ? "*" : option.name;
      if (!option.choices.empty() && !option.positional())
        values += fmt::format("    {}:{}) words='{}' ;;\n", verb.name, key, joined(option.choices));
      else if (!option.choices.empty())
        names += fmt::format("    {}:*) words='{}' ;;\n", verb.name, joined(option.choices));
    }
    names.insert(0, fmt::format("    {}:-*) words='{}' ;;\n", verb.name, joined(all)));
  }
  return fmt::format(R"(# bash completion of bascule: source <(bascule completion bash)
_bascule() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} verb=${{COMP_WORDS[1]}} words=
  local previous=${{COMP_WORDS[COMP_CWORD - 1]}}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '{} --help --version' -- "$current")
    return
  fi
  case $verb:$previous in
{}  esac
  [[ -n $words ]] || case $verb:$current in
{}  esac
  if [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -o filenames -F _bascule bascule
)",
                     joined(verb_names()), values, names);
}

std::string zsh_completion() {
  std::string list, cases;
  for (const Verb& verb : verbs()) {
    list += fmt::format("    {}\n",
                        "'" + std::string(verb.name) + ":" + described(verb.summary).substr(1));
    if (verb.make == nullptr) continue;
    cases += fmt::format("    {})\n      _arguments", verb.name);
    for (const Option& option : options_of(verb)) {
      const std::string help = described(option.help);
      const std::string text = help.substr(1, help.size() - 2);
      const std::string value =
          option.choices.empty() ? "_files" : "(" + joined(option.choices) + ")";
      if (option.positional())
        cases += fmt::format(" \\\n        ':{}:{}'", text, value);
      else if (option.flag())
        cases += fmt::format(" \\\n        '{}[{}]'", option.name, text);
      else
        cases += fmt::format(" \\\n        '{}{}[{}]:{}:{}'", option.repeatable ? "*" : "",
                             option.name, text, option.value, option.choices.empty() ? "" : value);
    }
    cases += " ;;\n";
  }
  return fmt::format(R"(#compdef bascule
# zsh completion of bascule: source <(bascule completion zsh)
_bascule() {{
  local -a verbs=(
{}  )
  if ((CURRENT == 2)); then
    _describe verb verbs
    return
  fi
  local verb=$words[2]
  shift words
  ((CURRENT--))
  case $verb in
{}    *) _files ;;
  esac
}}
compdef _bascule bascule
)",
                     list, cases);
}

std::string fish_completion() {
  std::string out = "# fish completion of bascule: bascule completion fish | source\n";
  for (const Verb& verb : verbs())
    out += fmt::format("complete -c bascule -n __fish_use_subcommand -f -a {} -d {}\n", verb.name,
                       described(verb.summary));
  for (const Verb& verb : verbs()) {
    if (verb.make == nullptr) continue;
    for (const Option& option : options_of(verb)) {
      if (option.positional() && option.choices.empty()) continue;
      out += fmt::format("complete -c bascule -n '__fish_seen_subcommand_from {}'", verb.name);
      if (!option.positional()) out += " -l " + option.name.substr(2);
      if (!option.choices.empty()) out += fmt::format(" -f -a '{}'", joined(option.choices));
      if (!option.positional() && !option.flag()) out += " -r";
      out += fmt::format(" -d {}\n", described(option.help));
    }
  }
  return out;
}

}  // namespace bascule::cli
