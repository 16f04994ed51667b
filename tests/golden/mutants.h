// Ways to spell a model wrongly: changes of layouts, names and facts in memory, each of which a
// check against what real Megatron Bridge wrote must notice.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model/dialect.h"

namespace bascule {

struct Mutant {
  const char* name;
  /// Changes a model or its dialects, Megatron's or Hugging Face's; false when it does not apply.
  std::function<bool(Dialect& megatron, Dialect& hf, Arch& arch)> change;
};

const std::vector<Mutant>& mutants();

}  // namespace bascule
