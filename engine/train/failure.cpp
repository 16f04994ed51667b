#include "train/failure.h"

#include <c10/util/Exception.h>

#include <string_view>

#include "base/check.h"

namespace bascule {

void rethrow_without_stack(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const c10::OutOfMemoryError& error) {
    fail(Kind::environment,
         "the GPU's memory is full ({}); a smaller train.micro_batch_size or model.seq_length, or "
         "model.recompute_granularity=full, takes less, and --dry-run says how much",
         error.what_without_backtrace());
  } catch (const c10::Error& error) {
    const std::string_view said = error.what_without_backtrace();
    require(said.find("can't allocate memory") == said.npos, Kind::environment,
            "this machine's memory is full ({}); a smaller model, train.micro_batch_size or "
            "model.seq_length takes less, and --dry-run says how much",
            said);
    fail(Kind::internal, "{}", said);
  }
}

}  // namespace bascule
