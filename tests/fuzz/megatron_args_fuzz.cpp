// A pickled argparse.Namespace of any arguments.
#include "bridge/pickled_settings.h"
#include "families/megatron_args.h"
#include "fuzz/fuzz.h"
#include "store/torch_dist/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const auto value = pickle::decode(std::string(text_of(data, size)));
    read_megatron_args(pickled_settings(value), "x");
  });
}
