#include "bascule/bridge.h"
#include "families/family.h"

namespace bascule {

std::vector<FamilyInfo> models() {
  std::vector<FamilyInfo> all;
  for (const Family& family : families())
    all.push_back({.name = family.name,
                   .architectures = family.architectures,
                   .models = family.title,
                   .supported = !family.planned,
                   .unconfirmed = family.unconfirmed});
  return all;
}

std::string version() { return BASCULE_VERSION; }

}  // namespace bascule
