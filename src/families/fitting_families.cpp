#include "families/fitting_families.h"

#include <algorithm>

#include "bascule/error.h"
#include "families/hf_config.h"

namespace bascule {

std::vector<std::string> families_that_fit(const Arch& arch,
                                           const std::vector<const Family*>& families) {
  std::vector<std::string> fitting;
  for (const Family* family : families) {
    if (family->planned) continue;
    try {
      write_hf_config(*family, arch, "");
      fitting.push_back(family->name);
    } catch (const Error& error) {
      if (error.kind() == Kind::internal) throw;  // another kind says that it does not fit
    }
  }
  std::sort(fitting.begin(), fitting.end());
  return fitting;
}

}  // namespace bascule
