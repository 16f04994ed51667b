// A .metadata, the chunks of its tensors, and what is written of it.
#include "fuzz/fuzz.h"
#include "store/torch_dist/chunk_grid.h"
#include "store/torch_dist/dcp_metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const DcpMetadata metadata = read_dcp_metadata(std::string(text_of(data, size)));
    for (const DcpTensor& tensor : metadata.tensors) {
      const ChunkGrid grid(tensor);
      size_t chunks = 0;
      grid.visit(tensor, whole(tensor.shape), [&](size_t) { ++chunks; });
      must_hold(chunks <= tensor.chunks());
    }
    must_hold(read_dcp_metadata(write_dcp_metadata(metadata)).files == metadata.files);
  });
}
