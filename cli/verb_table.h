// The verbs, one function a file.
#pragma once

#include "cli/verb.h"

namespace bascule::cli {

Verb import_verb();
Verb export_verb();
Verb verify_verb();
Verb inspect_verb();
Verb plan_verb();
Verb data_verb();
Verb models_verb();
Verb doctor_verb();
Verb plot_verb();
Verb completion_verb();
std::vector<Verb> engine_verbs();

}  // namespace bascule::cli
