// A question to a Python process. A free function without state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bascule {

/// Runs `program` (Python's source) with the arguments QUESTION ANSWER WORDS...: a file that holds
/// `question`, one that it is to write, and `words`. Returns what it wrote, `most` bytes at the
/// most. The Python is that of cli::find_python(). Throws Error{environment} where it fails: its
/// name and `failure`.
std::string ask_python(const char* program, const std::string& question,
                       const std::vector<std::string>& words, int64_t most,
                       const std::string& failure);

}  // namespace bascule
