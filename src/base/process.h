// Other programs. Free functions without state.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bascule {

/// Runs the program words[0], looked for on PATH, with the words after it as its arguments, and
/// waits for it. Returns whether it ran and ended with status 0.
bool run_program(std::vector<std::string> words);

/// The same, and gives each line that the program writes to stdout to `take`, without its end, as
/// it comes. A signal that asks us to stop is passed on to the program, once. When `take` throws,
/// the program is asked to end (SIGTERM) and waited for. Throws Error{environment} where there is
/// no pipe, Error{format} for a line without an end in 64 MiB.
bool run_program(std::vector<std::string> words,
                 const std::function<void(std::string_view line)>& take);

}  // namespace bascule
