#include "model/run.h"

#include <algorithm>
#include <utility>

namespace bascule {
namespace {

Runs stretches(const Runs& runs) {
  Runs all;
  for (const Run& run : runs)
    for (int64_t i = 0; i < run.count; ++i)
      all.push_back({run.from + i * run.from_jump, run.to + i * run.to_jump, run.length});
  return all;
}

void sort_by_from(Runs& runs) {
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.from < b.from; });
}

}  // namespace

int64_t indices(const Runs& runs) {
  int64_t total = 0;
  for (const Run& run : runs) total += run.indices();
  return total;
}

Runs moved(Runs runs, int64_t shift) {
  for (Run& run : runs) run.to += shift;
  return runs;
}

Runs reversed(Runs runs) {
  for (Run& run : runs) {
    std::swap(run.from, run.to);
    std::swap(run.from_jump, run.to_jump);
  }
  return runs;
}

Runs clipped_to(const Runs& runs, int64_t low, int64_t high) {
  Runs kept;
  for (const Run& run : runs) {
    const int64_t last = run.to + (run.count - 1) * run.to_jump;
    if (std::min(run.to, last) >= low && std::max(run.to, last) + run.length <= high) {
      kept.push_back(run);  // wholly inside: stays folded
      continue;
    }
    for (int64_t i = 0; i < run.count; ++i) {
      const int64_t from = run.from + i * run.from_jump, to = run.to + i * run.to_jump;
      const int64_t begin = std::max(low, to), end = std::min(high, to + run.length);
      if (begin < end) kept.push_back({from + begin - to, begin, end - begin});
    }
  }
  return folded(kept);
}

Runs clipped_from(const Runs& runs, int64_t low, int64_t high) {
  return reversed(clipped_to(reversed(runs), low, high));
}

Runs joined(const Runs& a, const Runs& b) {
  Runs left = stretches(a), right = stretches(b), both;
  sort_by_from(left);
  sort_by_from(right);
  for (size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    const Run &l = left[i], &r = right[j];
    const int64_t begin = std::max(l.from, r.from);
    const int64_t end = std::min(l.from + l.length, r.from + r.length);
    if (begin < end) both.push_back({l.to + begin - l.from, r.to + begin - r.from, end - begin});
    l.from + l.length < r.from + r.length ? ++i : ++j;
  }
  return folded(both);
}

Runs folded(const Runs& runs) {
  Runs merged;
  for (const Run& run : runs) {
    if (!merged.empty() && run.count == 1 && merged.back().count == 1) {
      Run& last = merged.back();
      if (last.from + last.length == run.from && last.to + last.length == run.to) {
        last.length += run.length;
        continue;
      }
    }
    merged.push_back(run);
  }
  Runs out;
  for (const Run& run : merged) {
    if (!out.empty() && run.count == 1 && out.back().length == run.length) {
      Run& last = out.back();
      const int64_t from_jump = run.from - (last.from + (last.count - 1) * last.from_jump);
      const int64_t to_jump = run.to - (last.to + (last.count - 1) * last.to_jump);
      if (last.count == 1 || (from_jump == last.from_jump && to_jump == last.to_jump)) {
        last.from_jump = from_jump;
        last.to_jump = to_jump;
        ++last.count;
        continue;
      }
    }
    out.push_back(run);
  }
  return out;
}

Runs unfolded(const Runs& runs) {
  Runs all = stretches(runs);
  std::sort(all.begin(), all.end(), [](const Run& a, const Run& b) { return a.to < b.to; });
  return all;
}

}  // namespace bascule
