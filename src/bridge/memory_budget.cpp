#include "bridge/memory_budget.h"

#include <algorithm>

#include "base/check.h"
#include "convert/executor.h"

namespace bascule {
namespace {

constexpr int64_t kProgram = int64_t{16} << 20;
constexpr int64_t kEachTensor = 1800, kEachRow = 800;
// What window_bytes() leaves to them.
constexpr int64_t kSetAside = int64_t{40} << 20;

int64_t mebibytes(int64_t bytes) { return (bytes + (1 << 20) - 1) >> 20; }

}  // namespace

int64_t resident_bytes(int64_t tensors, bool rows) {
  return kProgram + (kEachTensor + (rows ? kEachRow : 0)) * tensors;
}

Options within_memory(Options options, const std::filesystem::path& model, int64_t tensors,
                      bool rows) {
  const int64_t needed = resident_bytes(tensors, rows);
  require(needed <= options.memory, Kind::user,
          "{}: its {} tensors take {} MiB of memory, but --memory allows {} MiB; pass --memory {}M",
          model.string(), tensors, mebibytes(needed), options.memory >> 20, mebibytes(needed));
  options.memory -= std::max<int64_t>(0, needed - kSetAside);
  options.threads = std::min(options.threads, most_threads(options.memory));
  return options;
}

void tell_fewer_threads(const Options& asked, const Options& within, Reporter& reporter) {
  if (within.threads >= asked.threads) return;
  reporter.note(fmt::format("--memory {}M has room for {} of {} threads", asked.memory >> 20,
                            within.threads, asked.threads));
}

}  // namespace bascule
