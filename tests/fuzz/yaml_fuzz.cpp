// YAML as a tree, and back.
#include <cmath>

#include "fuzz/fuzz.h"
#include "settings/tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const Tree tree = parse_yaml(text_of(data, size), "x");
    must_hold(to_yaml(parse_yaml(to_yaml(tree), "x")) == to_yaml(tree));
    brief(tree);
  });
}
