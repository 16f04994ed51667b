#include "nn/rope_tables.h"

namespace bascule {

const RopeTable& RopeTables::get(const Rope& rope, double theta, int64_t head_dim,
                                 const at::Tensor& positions, at::ScalarType type) {
  const bool scaled = rope.scaling.has_value();
  for (const Entry& entry : entries_)
    if (entry.theta == theta && entry.head_dim == head_dim && entry.scaled == scaled &&
        entry.type == type)
      return entry.table;
  entries_.push_back(
      {theta, head_dim, scaled, type, rope_table(rope, theta, head_dim, positions, type)});
  return entries_.back().table;
}

}  // namespace bascule
