// Training, validation and test as stretches of one dataset: "99,1,0". Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bascule {

enum class Split : uint8_t { train, valid, test };
constexpr size_t kSplits = 3;

std::string_view name(Split split);  // "train", "valid", "test"

/// A share of the sequences, as two fractions.
struct Fractions {
  double begin = 0, end = 1;

  bool operator==(const Fractions&) const = default;
};

/// Reads up to three numbers, parted by commas: shares that need not sum to 1. A split without a
/// share has none. Throws Error{user}.
std::array<std::optional<Fractions>, kSplits> parse_splits(std::string_view text);

/// Sequences [begin, end).
struct SequenceRange {
  int64_t begin = 0, end = 0;

  int64_t size() const { return end - begin; }
  bool operator==(const SequenceRange&) const = default;
};

/// The sequences of a share; fractions of a sequence are rounded, halves to even.
SequenceRange sequences_of(const Fractions& share, int64_t sequences);

}  // namespace bascule
