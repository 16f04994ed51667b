// The header of a .npy file, and back.
#include "data/npy.h"

#include <span>

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const NpyHeader header = parse_npy(std::as_bytes(std::span(data, size)), "x.npy");
    std::string again = npy_header(header.dtype, header.shape);
    const size_t data_bytes = size - static_cast<size_t>(header.data_begin);
    again.append(reinterpret_cast<const char*>(data) + header.data_begin, data_bytes);
    const NpyHeader second = parse_npy(std::as_bytes(std::span(again)), "x.npy");
    must_hold(second.dtype == header.dtype && second.shape == header.shape);
  });
}
