#include "data/mock_corpus.h"

#include <bit>

#include "base/check.h"

namespace bascule {
namespace {

constexpr size_t kMockSequences = 100'000;
constexpr uint32_t kLengths = 4095;  // 1 to this

/// numpy.random.default_rng(0): the generator PCG64 (XSL-RR 128/64), here with the state that
/// numpy's seeding makes of 0.
class NumpyDefaultRandom {
 public:
  /// A number in [0, count), by Lemire's method on words of 32 bits.
  uint32_t below(uint32_t count) {
    uint64_t product = uint64_t{word()} * count;
    // 2^32 mod count: below it, low halves belong to numbers that would come too often.
    const uint32_t uneven = (0U - count) % count;
    while (static_cast<uint32_t>(product) < uneven) product = uint64_t{word()} * count;
    return static_cast<uint32_t>(product >> 32);
  }

 private:
  // clang-format off
  __extension__ using Wide = unsigned __int128;
  // clang-format on
  static constexpr Wide wide(uint64_t high, uint64_t low) { return Wide{high} << 64 | low; }

  /// Each step gives two words, the low half first.
  uint32_t word() {
    if (has_half_) {
      has_half_ = false;
      return half_;
    }
    constexpr Wide kMultiplier = wide(0x2360ed051fc65da4, 0x4385df649fccf645);
    constexpr Wide kIncrement = wide(0x418ddadb3af71a82, 0x588133bc447873a9);
    state_ = state_ * kMultiplier + kIncrement;
    const uint64_t mixed = static_cast<uint64_t>(state_ >> 64) ^ static_cast<uint64_t>(state_);
    const uint64_t step = std::rotr(mixed, static_cast<int>(state_ >> 122));
    half_ = static_cast<uint32_t>(step >> 32);
    has_half_ = true;
    return static_cast<uint32_t>(step);
  }

  Wide state_ = wide(0x1aa1b5345996452d, 0x09585eb7a69561e3);
  uint32_t half_ = 0;
  bool has_half_ = false;
};

}  // namespace

MockCorpus::MockCorpus(int64_t vocabulary, int64_t end_of_document)
    : vocabulary_(vocabulary), end_of_document_(end_of_document) {
  require(vocabulary >= 1, Kind::user, "mock data need a vocabulary, not one of {}", vocabulary);
  NumpyDefaultRandom random;
  lengths_.reserve(kMockSequences);
  for (size_t i = 0; i < kMockSequences; ++i)
    lengths_.push_back(static_cast<int32_t>(1 + random.below(kLengths)));
}

void MockCorpus::read(int64_t sequence, int64_t first, std::span<int64_t> out) const {
  const int64_t last = length(sequence) - 1;
  require(first >= 0 && first + static_cast<int64_t>(out.size()) <= last + 1, Kind::internal,
          "mock sequence {} has {} tokens, not {} from {}", sequence, last + 1, out.size(), first);
  for (int64_t& token : out) {
    token = first == last ? end_of_document_ : (first + 1) % vocabulary_;
    ++first;
  }
}

}  // namespace bascule
