// A case of attention, for the tests on a CPU and those on a GPU.
#pragma once

#include <vector>

#include "kernels/attention.h"

namespace bascule {

struct AttentionCase {
  const char* name;
  int64_t heads, kv_heads, length, dim;
  AttentionRule rule;
  bool sinks = false;
  std::vector<int64_t> documents = {};  // where each token's begins; empty: one a sequence
};

}  // namespace bascule
