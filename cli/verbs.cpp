#include "cli/verb_table.h"

namespace bascule::cli {
namespace {

std::vector<Verb> all() {
  std::vector<Verb> list = {import_verb(), export_verb(),    verify_verb(), inspect_verb(),
                            plan_verb(),   data_verb(),      plot_verb(),   models_verb(),
                            doctor_verb(), completion_verb()};
  for (const Verb& verb : engine_verbs()) list.push_back(verb);
  return list;
}

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> list = all();
  return list;
}

const Verb* find_verb(std::string_view name) {
  for (const Verb& verb : verbs())
    if (verb.name == name) return &verb;
  return nullptr;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names = {"help"};
  for (const Verb& verb : verbs()) names.emplace_back(verb.name);
  return names;
}

}  // namespace bascule::cli
