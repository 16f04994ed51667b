// One command from its words to its exit code.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"

namespace bascule::cli {

/// Runs a command line (without the program's name), writes what it has to say and returns the
/// process exit code. Throws nothing.
int run(const std::vector<std::string>& words);

/// The same for a program that has these verbs only.
int run(const std::vector<std::string>& words, const std::vector<Verb>& verbs);

}  // namespace bascule::cli
