// What a run reads: indexed datasets and how they are mixed. A value.
#pragma once

#include <string>
#include <vector>

#include "recipe/field.h"

namespace bascule {

struct Blend {
  std::vector<std::string> paths = {};  // without .bin or .idx
  std::vector<double> weights = {};     // empty: by the datasets' lengths
  bool operator==(const Blend&) const = default;
};

/// Bridge's pair [[path, ...], [weight, ...] or null], the list of Megatron's --data-path (paths,
/// or weights and paths in turn), or one path.
template <>
struct SettingType<Blend> {
  static std::string text(const Range&);
  static Tree schema(const Range&);
  static std::optional<Blend> from(const Tree& tree, const Range&);
  static Tree to(const Blend& blend);
};

}  // namespace bascule
