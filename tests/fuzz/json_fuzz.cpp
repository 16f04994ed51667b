// JSON as a tree, and back.
#include "fuzz/fuzz.h"
#include "settings/tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const Tree tree = parse_json(text_of(data, size), "x");
    must_hold(parse_json(to_json(tree), "x") == tree);
    brief(tree);
  });
}
