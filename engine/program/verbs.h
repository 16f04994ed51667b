// The verbs of bascule-engine, one function a file.
#pragma once

#include "cli/verb.h"

namespace bascule::cli {

Verb train_verb();
Verb compare_verb();
Verb generate_verb();

}  // namespace bascule::cli
