#include "recipe/flops.h"

#include <algorithm>

#include "base/check.h"
#include "model/slot.h"

namespace bascule {
namespace {

// Forward, and backward for inputs and for weights; a multiply-add is two operations.
constexpr double kPasses = 3, kPerMultiplyAdd = 2;

/// Multiply-adds of matrix products for one token, averaged over the positions of a sequence.
struct PerToken {
  double hidden, length;
  bool windowed;

  double operator()(const std::monostate&) const { return 0; }
  double operator()(const Gqa& a) const {
    const auto queries = static_cast<double>(a.heads * a.head_dim);
    const auto keys = static_cast<double>(a.kv_heads * a.head_dim);
    const double gate = a.output_gate ? queries : 0;
    const double projections = hidden * (2 * queries + 2 * keys + gate);
    // Scores and their use, each one product a key; half of them are masked.
    return projections + 2 * queries * seen(a);
  }
  double operator()(const Mlp& m) const {
    return hidden * static_cast<double>(m.width) * (m.gated ? 3 : 2);
  }
  double operator()(const Moe& m) const {
    // The router is not counted, as in Bridge.
    return hidden * static_cast<double>(m.width * m.top_k + m.shared_width) * (m.gated ? 3 : 2);
  }
  template <class Other>
  double operator()(const Other&) const {
    fail(Kind::unsupported, "operations of this kind of layer are not counted yet");
  }

  /// Keys that a query sees: Bridge's half of the length, without the half of a key that the
  /// diagonal adds; with a window, the average of min(i, window) over positions, less the same.
  double seen(const Gqa& a) const {
    if (!windowed || !a.window || static_cast<double>(*a.window) >= length) return length / 2;
    const auto window = static_cast<double>(*a.window);
    return window - window * window / (2 * length);
  }
};

}  // namespace

ParameterCounts parameter_counts(const Arch& arch) {
  ParameterCounts counts;
  const Slots all = slots(arch);
  for (const Slot& slot : all.all()) {
    const int64_t size = elements(slot.shape);
    counts.all += size;
    if (slot.id == "embed" || slot.id == "head") counts.embedding += size;
    if (slot.decay) counts.decaying += size;
  }
  counts.active = counts.all;
  for (const Layer& layer : arch.layers) {
    const Moe* moe = std::get_if<Moe>(&layer.feed_forward);
    if (!moe) continue;
    const int64_t expert = arch.hidden * moe->width * (moe->gated ? 3 : 2) +
                           (moe->bias ? moe->width * (moe->gated ? 2 : 1) + arch.hidden : 0);
    counts.active -= (moe->experts - moe->top_k) * expert;
  }
  return counts;
}

double training_flops(const Arch& arch, int64_t sequences, int64_t length, bool windowed) {
  const PerToken per_token{static_cast<double>(arch.hidden), static_cast<double>(length), windowed};
  double sum = static_cast<double>(arch.hidden) * static_cast<double>(arch.vocab);
  for (const Layer& layer : arch.layers)
    sum += std::visit(per_token, layer.mixer) + std::visit(per_token, layer.feed_forward);
  return kPasses * kPerMultiplyAdd * sum * static_cast<double>(sequences) *
         static_cast<double>(length);
}

}  // namespace bascule
