// What a `.metadata` file of torch's distributed checkpoint says: tensors cut into chunks, objects,
// and where the bytes of each lie. A value, compact: big models have 10^5 chunks and more.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/box.h"
#include "store/dtype.h"

namespace bascule {

/// Where one chunk or object lies: a torch.save archive within a data file.
struct BlobPlace {
  uint32_t file = 0;   // index into DcpMetadata::files
  int64_t offset = 0;  // of the archive in the file
  int64_t length = 0;  // 0: nowhere
};

struct DcpTensor {
  std::string name;
  DType dtype = DType::bf16;
  Shape shape;
  // Chunk k is the box {at(k), extent(k)}; chunks are sorted by offset.
  std::vector<int64_t> offsets, sizes;
  std::vector<BlobPlace> places;

  size_t chunks() const { return places.size(); }
  std::span<const int64_t> at(size_t chunk) const { return part(offsets, chunk); }
  std::span<const int64_t> extent(size_t chunk) const { return part(sizes, chunk); }
  Box box(size_t chunk) const;

 private:
  std::span<const int64_t> part(const std::vector<int64_t>& all, size_t chunk) const {
    return std::span(all).subspan(chunk * shape.size(), shape.size());
  }
};

struct DcpObject {
  std::string name;
  BlobPlace place;
};

struct DcpMetadata {
  std::vector<std::string> files;  // sorted
  std::vector<DcpTensor> tensors;  // sorted by name
  std::vector<DcpObject> objects;  // sorted by name
};

/// Reads a `.metadata`. Every chunk that holds elements, and every object, has a place; file names
/// are plain names. That chunks tile their tensor is not checked here (chunk_grid.h).
/// Throws Error{format} or Error{unsupported} naming the tensor.
DcpMetadata read_dcp_metadata(std::string bytes);

/// Writes a `.metadata`: protocol 2, readable by every torch from 2.0 on.
std::string write_dcp_metadata(const DcpMetadata& metadata);

}  // namespace bascule
