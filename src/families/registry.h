// The functions that families.def lists, so that a family may derive from another by value.
#pragma once

#include "families/family.h"

namespace bascule {

#define FAMILY(name) Family name();
#define PLANNED(name) Family name();
#include "families/families.def"
#undef PLANNED
#undef FAMILY

/// A family to change into another: all of it but what is said of its own published models.
inline Family derived(Family base) {
  base.unconfirmed.clear();
  return base;
}

}  // namespace bascule
