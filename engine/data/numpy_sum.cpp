#include "data/numpy_sum.h"

#include <algorithm>
#include <array>

namespace bascule {
namespace {

constexpr size_t kLanes = 8, kBlock = 128;

double sum_of_block(std::span<const double> values) {
  std::array<double, kLanes> lanes{};
  std::copy_n(values.begin(), kLanes, lanes.begin());
  size_t i = kLanes;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane];
  double sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
               ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  for (; i < values.size(); ++i) sum += values[i];
  return sum;
}

}  // namespace

double numpy_sum(std::span<const double> values) {
  if (values.size() > kBlock) {
    const size_t half = values.size() / 2 / kLanes * kLanes;
    return numpy_sum(values.first(half)) + numpy_sum(values.subspan(half));
  }
  if (values.size() >= kLanes) return sum_of_block(values);
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

std::vector<double> normalized(std::span<const double> values) {
  const double sum = numpy_sum(values);
  std::vector<double> shares(values.begin(), values.end());
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace bascule
