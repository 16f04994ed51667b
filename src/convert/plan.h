// A plan: every copy that turns one spelling of a model into another.
//
// Computed from names and shapes alone, without weights; the same whether the ends are files or
// ranks. Values.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "model/dialect.h"
#include "model/mesh.h"

namespace bascule {

/// One end of a plan: what one rank, or a file, holds. `dialect` is expanded.
struct Place {
  int64_t rank = 0;
  const Dialect* dialect = nullptr;
  Shards shards;
};

/// A stored tensor at one end.
struct PlanTensor {
  int64_t rank = 0;
  std::string name;
  Shape shape;
  int64_t padding = 0;  // elements that stand for nothing and are zero
  Codec codec = Codec::plain;
  bool fp32 = false;  // stays fp32 whatever dtype is asked for
};

/// A part of one slot, as it lies in a tensor at each end: the product of the dimensions' runs.
/// A model may have 10^5 of them, of a few kinds: those that map alike share their `dims`.
struct Copy {
  struct Dim {
    int from = 0, to = 0;  // dimensions of the two tensors
    Runs runs;             // from: index at the source; to: index at the target
    bool operator<(const Dim& other) const {
      return std::tie(from, to, runs) < std::tie(other.from, other.to, other.runs);
    }
  };
  size_t from = 0, to = 0;  // indices into Plan::from and Plan::to
  size_t slot = 0;          // index into the slots that were planned
  std::shared_ptr<const std::vector<Dim>> dims;
  Shape from_at, to_at;  // coordinates along dimensions that none of `dims` maps

  int64_t elements() const;
  /// "layers.0.attn.q: model.layers.0...weight[0:96, 0:96] -> decoder...weight[0, ...]"
  std::string str(const std::string& slot_id, const PlanTensor& from_tensor,
                  const PlanTensor& to_tensor) const;
};

struct Plan {
  std::vector<PlanTensor> from, to;
  std::vector<Copy> copies;  // sorted by `to`

  /// The copies into tensor `to`.
  std::span<const Copy> into(size_t to) const;
};

/// Everything needed to build each place of `to` out of those of `from`. What several source
/// places hold alike is taken from one of them, the target's own rank first. Throws
/// Error{mismatch} when a target element has no source.
Plan plan(const Slots& slots, std::span<const Place> from, std::span<const Place> to);
Plan plan(const Slots& slots, const Dialect& from, const Dialect& to);

/// The plan that goes back. Every source element must go to one target only.
Plan reversed(const Plan& plan);

/// Each slot a tensor of its own: the canonical order in which models are compared.
Dialect canonical(const Slots& slots);

}  // namespace bascule
