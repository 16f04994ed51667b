// Other programs. A free function without state.
#pragma once

#include <string>
#include <vector>

namespace bascule {

/// Runs the program words[0], looked for on PATH, with the words after it as its arguments, and
/// waits for it. Returns whether it ran and ended with status 0.
bool run_program(std::vector<std::string> words);

}  // namespace bascule
