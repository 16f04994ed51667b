// What the programs that tests run have in common. Free functions.
#pragma once

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace bascule {

/// A program's main(): hands the arguments to `run`, and prints what it throws.
inline int program_main(const char* name, int count, char** arguments,
                        int (*run)(const std::vector<std::string>& words)) {
  try {
    return run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
}

}  // namespace bascule
