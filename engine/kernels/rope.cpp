#include "kernels/rope.h"

#include <cmath>
#include <numbers>

#include "base/check.h"
#include "kernels/compute_type.h"
#include "kernels/cuda/kernels.h"

namespace bascule {
namespace {

using at::Tensor;

/// Llama 3.1: wavelengths beyond the original context are stretched, those well inside are kept,
/// and between the two the frequencies are blended.
Tensor llama3(const Tensor& frequencies, const RopeScaling& scaling) {
  const auto length = static_cast<double>(scaling.original_length);
  const Tensor wavelengths = (2 * std::numbers::pi) / frequencies;
  const Tensor smooth = (length / wavelengths - scaling.low_freq_factor) /
                        (scaling.high_freq_factor - scaling.low_freq_factor);
  const Tensor slow = frequencies / scaling.factor;
  const Tensor blended = (1 - smooth) * slow + smooth * frequencies;
  const Tensor stretched =
      at::where(wavelengths > length / scaling.low_freq_factor, slow, frequencies);
  const Tensor between = at::logical_and(wavelengths >= length / scaling.high_freq_factor,
                                         wavelengths <= length / scaling.low_freq_factor);
  return at::where(between, blended, stretched);
}

/// The dimension whose frequency turns `rotations` times within `length` positions.
double yarn_dimension(double rotations, double dims, double theta, double length) {
  return dims * std::log(length / (rotations * 2 * std::numbers::pi)) / (2 * std::log(theta));
}

Tensor yarn(const Tensor& frequencies, const RopeScaling& scaling, double theta, int64_t dims) {
  const auto length = static_cast<double>(scaling.original_length);
  const auto width = static_cast<double>(dims);
  double low = yarn_dimension(scaling.beta_fast, width, theta, length);
  double high = yarn_dimension(scaling.beta_slow, width, theta, length);
  if (scaling.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, width - 1);
  if (low == high) high += 0.001;  // the ramp must have a width
  const Tensor steps = at::arange(dims / 2, frequencies.options());
  const Tensor kept = 1 - ((steps - low) / (high - low)).clamp(0, 1);
  return frequencies / scaling.factor * (1 - kept) + frequencies * kept;
}

/// What yarn multiplies cosines and sines by.
double attention_factor(const RopeScaling& scaling) {
  if (scaling.attention_factor) return *scaling.attention_factor;
  const auto term = [&](double mscale) {
    return scaling.factor <= 1 ? 1.0 : 0.1 * mscale * std::log(scaling.factor) + 1.0;
  };
  if (scaling.mscale && scaling.mscale_all_dim)
    return term(*scaling.mscale) / term(*scaling.mscale_all_dim);
  return term(1);
}

/// x turned by the angles, or back where `sign` is -1.
Tensor turned(const Tensor& given, const RopeTable& table, double sign) {
  const Tensor x = given.dim() == 4 ? given.flatten(1, 2) : given;
  if constexpr (cuda::kBuilt)
    if (cuda::serves(x)) {
      Tensor out = at::empty(x.sizes(), x.options());
      cuda::turn(out, given, table, sign);
      return out;
    }
  const at::ScalarType type = compute_type(x);
  const int64_t half = table.cosines.size(-1);
  const Tensor cosines = table.cosines.unsqueeze(1), sines = table.sines.unsqueeze(1) * sign;
  const Tensor first = x.narrow(-1, 0, half).to(type), second = x.narrow(-1, half, half).to(type);
  std::vector<Tensor> parts = {(first * cosines - second * sines).to(x.scalar_type()),
                               (second * cosines + first * sines).to(x.scalar_type())};
  if (const int64_t rest = x.size(-1) - 2 * half) parts.push_back(x.narrow(-1, 2 * half, rest));
  return at::cat(parts, -1);
}

}  // namespace

RopeTable rope_table(const Rope& rope, double theta, int64_t head_dim, const Tensor& positions,
                     at::ScalarType type) {
  const auto dims = static_cast<int64_t>(static_cast<double>(head_dim) * rope.percent);
  require(dims % 2 == 0, Kind::unsupported,
          "rope turns pairs, but it is to turn {} of the {} dimensions of a head; give heads "
          "(model.kv_channels) of which these are an even number",
          dims, head_dim);
  const Tensor exponents = at::arange(0, dims, 2, at::TensorOptions(at::kLong)).to(type) / dims;
  Tensor frequencies = 1 / at::pow(theta, exponents);
  double factor = 1;
  if (rope.scaling) {
    const RopeScaling& scaling = *rope.scaling;
    switch (scaling.kind) {
      case RopeScaling::Kind::linear:
        frequencies = frequencies / scaling.factor;
        break;
      case RopeScaling::Kind::llama3:
        frequencies = llama3(frequencies, scaling);
        break;
      case RopeScaling::Kind::yarn:
        frequencies = yarn(frequencies, scaling, theta, dims);
        factor = attention_factor(scaling);
        break;
      case RopeScaling::Kind::dynamic:
      case RopeScaling::Kind::longrope:
        fail(Kind::unsupported,
             "training with rope scaling {} is not supported; linear, llama3 and yarn are",
             scaling.kind == RopeScaling::Kind::dynamic ? "dynamic" : "longrope");
    }
  }
  const Tensor angles =
      positions.to(type).unsqueeze(1) * frequencies.to(positions.device()).unsqueeze(0);
  return {angles.cos().mul_(factor), angles.sin().mul_(factor)};
}

Tensor rope_forward(const Tensor& x, const RopeTable& table) { return turned(x, table, 1); }

Tensor rope_backward(const Tensor& dy, const RopeTable& table) { return turned(dy, table, -1); }

void rope_backward_into(const Tensor& out, const Tensor& dy, const RopeTable& table) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(dy)) return cuda::turn(out, dy, table, -1);
  out.copy_(turned(dy, table, -1).view(out.sizes()));
}

}  // namespace bascule
