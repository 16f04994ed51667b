// The header of a safetensors file, with as many bytes of data as its last two bytes say.
#include "fuzz/fuzz.h"
#include "store/safetensors_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    if (size < 2) return;
    const int64_t data_bytes = data[size - 1] << 8 | data[size - 2];
    parse_safetensors_header(text_of(data, size - 2), data_bytes, "x");
  });
}
