// The names and shapes of tensors, as a family spells them and as a file lists them.
#pragma once

#include <map>
#include <string>

#include "families/hf_config.h"

namespace bascule {

using TensorShapes = std::map<std::string, Shape>;

inline TensorShapes spelled_tensors(const HfConfig& config) {
  const Slots all = slots(config.arch);
  TensorShapes shapes;
  for (const Binding& row : hf_dialect(*config.family, config.arch, all).bindings)
    shapes[row.name] = row.layout.pack(all).shape;
  return shapes;
}

inline Shape shape_of(const Tree& list) {
  Shape shape;
  for (const Tree& extent : list.list_items()) shape.push_back(extent.integer());
  return shape;
}

}  // namespace bascule
