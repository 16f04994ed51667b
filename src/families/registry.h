// The functions that families.def lists, so that a family may derive from another by value.
#pragma once

#include "families/family.h"

namespace bascule {

#define FAMILY(name) Family name();
#define PLANNED(name) Family name();
#include "families/families.def"
#undef PLANNED
#undef FAMILY

}  // namespace bascule
