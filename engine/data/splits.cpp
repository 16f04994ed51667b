#include "data/splits.h"

#include <charconv>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/shown.h"
#include "data/numpy_sum.h"

namespace bascule {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

double share_of(std::string_view part, std::string_view whole) {
  double share = 0;
  // Without exponents: Megatron would read "1e-3" as two numbers.
  const auto [stop, problem] =
      std::from_chars(part.data(), part.data() + part.size(), share, std::chars_format::fixed);
  require(problem == std::errc() && stop == part.data() + part.size() && std::isfinite(share) &&
              share >= 0 && !std::signbit(share),
          Kind::user, "the split {} is not up to three numbers such as 99,1,0: {} is no share",
          shown(whole), shown(part));
  return share;
}

}  // namespace

std::string_view name(Split split) {
  constexpr std::array<std::string_view, kSplits> kNames = {"train", "valid", "test"};
  return kNames.at(static_cast<size_t>(split));
}

std::array<std::optional<Fractions>, kSplits> parse_splits(std::string_view text) {
  std::vector<double> shares;
  for (std::string_view rest = text;;) {
    const size_t comma = rest.find(',');
    shares.push_back(share_of(trimmed(rest.substr(0, comma)), text));
    require(shares.size() <= kSplits, Kind::user, "the split {} has more than three numbers",
            shown(text));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  shares.resize(kSplits, 0.0);
  const double sum = numpy_sum(shares);
  require(sum > 0 && std::isfinite(sum), Kind::user, "the split {} has no share above 0",
          shown(text));
  shares = normalized(shares);
  std::array<std::optional<Fractions>, kSplits> splits;
  double end = 0;
  for (size_t i = 0; i < kSplits; ++i) {
    const double begin = end;
    end += shares[i];
    if (end > begin) splits[i] = Fractions{begin, end};
  }
  return splits;
}

SequenceRange sequences_of(const Fractions& share, int64_t sequences) {
  const auto bound = [&](double fraction) {
    return static_cast<int64_t>(std::nearbyint(fraction * static_cast<double>(sequences)));
  };
  return {bound(share.begin), std::min(bound(share.end), sequences)};
}

}  // namespace bascule
