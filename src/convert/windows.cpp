#include <algorithm>
#include <climits>

#include "convert/executor.h"

namespace bascule {
namespace {

// A thread has a window and a scratch buffer of the same size, and a conversion may double that;
// who compares has them for both sides.
constexpr int64_t kWindows = 4, kSides = 2;
constexpr int64_t kLeastWindow = int64_t{256} << 10;
// The program, its plan and the C library.
constexpr int64_t kSetAside = int64_t{40} << 20;

void split(const Box& box, size_t d, DType dtype, int64_t limit, std::vector<Box>& out) {
  const int64_t total = bytes(dtype, elements(box.extent));
  if (total <= limit || d + 1 >= box.extent.size()) {
    // The last dimension is cut too, but on multiples that fill whole bytes of any dtype.
    if (total <= limit || box.extent.empty()) {
      out.push_back(box);
      return;
    }
    const int64_t step = std::max<int64_t>(64, limit * 8 / bits(dtype) / 64 * 64);
    for (int64_t i = 0; i < box.extent[d]; i += step) {
      Box part = box;
      part.at[d] += i;
      part.extent[d] = std::min(step, box.extent[d] - i);
      out.push_back(std::move(part));
    }
    return;
  }
  if (box.extent[d] == 1) return split(box, d + 1, dtype, limit, out);
  const int64_t row = std::max<int64_t>(1, total / box.extent[d]);
  const int64_t rows = std::max<int64_t>(1, limit / row);
  for (int64_t i = 0; i < box.extent[d]; i += rows) {
    Box part = box;
    part.at[d] += i;
    part.extent[d] = std::min(rows, box.extent[d] - i);
    if (rows == 1)
      split(part, d + 1, dtype, limit, out);
    else
      out.push_back(std::move(part));
  }
}

}  // namespace

std::vector<Box> windows(const Box& box, DType dtype, int64_t limit) {
  std::vector<Box> out;
  if (elements(box.extent) > 0) split(box, 0, dtype, limit, out);
  return out;
}

int64_t window_bytes(int64_t memory, int threads) {
  return std::clamp<int64_t>((memory - kSetAside) / (kWindows * std::max(1, threads)), kLeastWindow,
                             int64_t{4} << 20);
}

int most_threads(int64_t memory) {
  const int64_t each = kSides * kWindows * kLeastWindow;
  return static_cast<int>(std::clamp<int64_t>((memory - kSetAside) / each, 1, INT_MAX));
}

}  // namespace bascule
