// bascule-engine: runs the verbs that need torch, with the command line of bascule.
#include <cstdlib>
#include <filesystem>

#include "cli/run.h"
#include "program/verbs.h"
#include "train/failure.h"

namespace bascule::cli {
namespace {

Result run_on_torch(const std::function<Result(const Session&)>& run, const Session& session) {
  try {
    return run(session);
  } catch (...) {
    rethrow_without_stack(std::current_exception());
  }
}

template <Verb (*kVerb)()>
Verb on_torch() {
  Verb verb = kVerb();
  verb.make = [] {
    Invocation made = kVerb().make();
    made.run = [run = made.run](const Session& session) { return run_on_torch(run, session); };
    return made;
  };
  return verb;
}

}  // namespace
}  // namespace bascule::cli

int main(int count, char** words) {
  using namespace bascule::cli;
#ifdef BASCULE_BUILD_PYTHON
  const char* given = std::getenv("BASCULE_PYTHON");
  std::error_code ignored;  // of a home that only its owner may look into, for instance
  if ((given == nullptr || *given == '\0') &&
      std::filesystem::exists(BASCULE_BUILD_PYTHON, ignored))
    ::setenv("BASCULE_PYTHON", BASCULE_BUILD_PYTHON, /*overwrite=*/1);
#endif
  return run({words + (count > 0 ? 1 : 0), words + count},
             {on_torch<train_verb>(), on_torch<compare_verb>(), on_torch<generate_verb>()});
}
