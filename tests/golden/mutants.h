// Ways to spell a model wrongly: changes of layouts and names in memory, each of which a check
// against real bytes must notice.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model/dialect.h"

namespace bascule {

struct Mutant {
  const char* name;
  /// Changes the dialects of one model, Megatron's or Hugging Face's; false when it does not apply.
  std::function<bool(Dialect& megatron, Dialect& hf)> change;
};

const std::vector<Mutant>& mutants();

}  // namespace bascule
