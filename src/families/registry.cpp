#include "families/registry.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "settings/nearest.h"

namespace bascule {
namespace {

Family planned(Family family) {
  family.planned = true;
  return family;
}

/// Finds the family that `has` what was asked for; otherwise says what there is.
template <class Has, class NamesOf>
const Family& find(const std::string& what, const std::string& wanted, bool with_planned, Has&& has,
                   NamesOf&& names_of) {
  std::vector<std::string> known;
  for (const Family& family : families()) {
    if (has(family)) {
      require(!family.planned || with_planned, Kind::unsupported,
              "{} {} is planned, but not supported yet", what, wanted);
      return family;
    }
    if (family.planned && !with_planned) continue;
    for (const std::string& name : names_of(family)) known.push_back(name);
  }
  fail(Kind::unsupported, "{} {} is not supported{} Supported are {}", what, brief(Tree(wanted)),
       known.empty() || did_you_mean(wanted, known).empty() ? "." : did_you_mean(wanted, known),
       fmt::join(known, ", "));
}

}  // namespace

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
#define FAMILY(name) name(),
#define PLANNED(name) planned(name()),
#include "families/families.def"
#undef PLANNED
#undef FAMILY
  };
  return all;
}

const Family& family_named(const std::string& name, bool planned) {
  return find(
      "the family", name, planned, [&](const Family& family) { return family.name == name; },
      [](const Family& family) { return std::vector{family.name}; });
}

const Family& family_of_architecture(const std::string& architecture, bool planned) {
  return find(
      "the architecture", architecture, planned,
      [&](const Family& family) {
        return std::find(family.architectures.begin(), family.architectures.end(), architecture) !=
               family.architectures.end();
      },
      [](const Family& family) { return family.architectures; });
}

std::vector<const Family*> families_of_provider(const std::string& target) {
  std::vector<const Family*> found;
  for (const Family& family : families())
    if (family.provider == target) found.push_back(&family);
  return found;
}

Dialect hf_dialect(const Family& family, const Arch& arch, const Slots& slots) {
  return expanded(family.hf(arch), slots, indices_of(arch));
}

}  // namespace bascule
