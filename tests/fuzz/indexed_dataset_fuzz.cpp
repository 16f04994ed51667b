// An .idx file beside a .bin file of as many bytes as the first four of the input say.
#include <cstring>
#include <span>

#include "data/index_view.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  uint32_t bin_bytes = 0;
  if (size < sizeof bin_bytes) return 0;
  std::memcpy(&bin_bytes, data, sizeof bin_bytes);
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(sizeof bin_bytes);
  return refuses_or_reads([&] {
    const IndexView index(bytes, bin_bytes, "x.idx", "x.bin");
    int64_t tokens = 0;
    for (int64_t i = 0; i < index.sequences(); ++i) {
      const int64_t end = index.offset(i) + index.length(i) * bytes_of(index.type());
      must_hold(index.length(i) >= 0 && index.offset(i) >= 0 && end <= bin_bytes);
      tokens += index.length(i);
    }
    must_hold(tokens == index.tokens());
    for (int64_t i = 0; i < index.documents(); ++i)
      must_hold(index.document_begin(i) <= index.document_begin(i + 1));
    must_hold(index.document_begin(index.documents()) == index.sequences());
    const std::string header = index_header(index.type(), index.sequences(), index.documents() + 1);
    must_hold(std::memcmp(header.data(), bytes.data(), header.size()) == 0);
  });
}
