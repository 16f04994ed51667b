// numpy.random.RandomState, as far as Megatron's data order rests on it: an int seed, and shuffling
// in place. The generator under it is std::mt19937, which numpy seeds in the same way.
//
// Belongs to one thread.
#pragma once

#include <bit>
#include <cstdint>
#include <random>
#include <span>
#include <utility>

namespace bascule {

class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed) : words_(seed) {}

  /// A number in [0, most]: words are masked to the bits of `most`, and those above it thrown away.
  /// One word a try up to 2^32 - 1, above that two, the high half first.
  uint64_t interval(uint64_t most) {
    if (most == 0) return 0;  // no word is drawn
    const uint64_t mask = ~uint64_t{0} >> std::countl_zero(most);
    uint64_t drawn = 0;
    do {
      drawn = words_();
      if (most > UINT32_MAX) drawn = drawn << 32 | words_();
      drawn &= mask;
    } while (drawn > most);
    return drawn;
  }

  /// numpy's shuffle of a one-dimensional array: from the last element down, each is exchanged with
  /// one that is not behind it.
  template <class T>
  void shuffle(std::span<T> values) {
    for (size_t i = values.size(); i-- > 1;)
      std::swap(values[i], values[static_cast<size_t>(interval(i))]);
  }

 private:
  std::mt19937 words_;
};

}  // namespace bascule
