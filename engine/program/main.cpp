// bascule-engine: runs the verbs that need torch, with the command line of bascule.
#include <c10/util/Exception.h>

#include "base/check.h"
#include "cli/run.h"
#include "program/verbs.h"

namespace bascule::cli {
namespace {

/// What torch throws carries a stack of its own calls, which no user reads.
Result run_on_torch(const std::function<Result(const Session&)>& run, const Session& session) {
  try {
    return run(session);
  } catch (const c10::OutOfMemoryError& error) {
    fail(Kind::environment,
         "the GPU's memory is full ({}); a smaller train.micro_batch_size or model.seq_length, or "
         "model.recompute_granularity=full, takes less, and --dry-run says how much",
         error.what_without_backtrace());
  } catch (const c10::Error& error) {
    fail(Kind::internal, "{}", error.what_without_backtrace());
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
  return run({words + (count > 0 ? 1 : 0), words + count},
             {on_torch<train_verb>(), on_torch<compare_verb>(), on_torch<generate_verb>()});
}
