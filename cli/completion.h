// Scripts that complete verbs and options in a shell, read off the verbs. Pure functions.
#pragma once

#include <string>

namespace bascule::cli {

std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace bascule::cli
