#include "base/process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace bascule {

bool run_program(std::vector<std::string> words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  int status = 0;
  return ::posix_spawnp(&child, pointers[0], nullptr, nullptr, pointers.data(), environ) == 0 &&
         ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace bascule
