// How one dimension of a slot lies along one dimension of a stored tensor.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace bascule {

/// `count` stretches of `length` indices each: the i-th begins at from + i * from_jump on one side
/// and at to + i * to_jump on the other. A row-wise interleave is one Run, not one a row.
struct Run {
  int64_t from = 0, to = 0, length = 0;
  int64_t count = 1, from_jump = 0, to_jump = 0;

  bool operator==(const Run&) const = default;
  bool operator<(const Run& other) const { return numbers() < other.numbers(); }
  std::array<int64_t, 6> numbers() const { return {from, to, length, count, from_jump, to_jump}; }
  int64_t indices() const { return length * count; }
};

using Runs = std::vector<Run>;

/// Number of indices that the runs map.
int64_t indices(const Runs& runs);

/// Moves the `to` side by `shift`.
Runs moved(Runs runs, int64_t shift);

/// Keeps what lies in [low, high) on the `to` side, without moving it.
Runs clipped_to(const Runs& runs, int64_t low, int64_t high);
/// Keeps what lies in [low, high) on the `from` side, without moving it.
Runs clipped_from(const Runs& runs, int64_t low, int64_t high);

/// Swaps the two sides.
Runs reversed(Runs runs);

/// Composes maps that share their `from` side (slot -> a, slot -> b) into a -> b, where both are
/// defined.
Runs joined(const Runs& a, const Runs& b);

/// Merges stretches that continue each other and folds equal steps into one Run.
Runs folded(const Runs& runs);

/// Every stretch by itself (count 1), sorted by `to`.
Runs unfolded(const Runs& runs);

}  // namespace bascule
