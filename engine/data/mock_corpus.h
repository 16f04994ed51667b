// Megatron's mock data: 100,000 sequences that count 1, 2, 3, ... modulo the vocabulary and close
// with the end-of-document token; their lengths, 1 to 4095, are numpy's, so that the losses of a
// mock run can be compared with Megatron's. Immutable; any number of threads may read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bascule {

class MockCorpus {
 public:
  MockCorpus(int64_t vocabulary, int64_t end_of_document);

  int64_t sequences() const { return static_cast<int64_t>(lengths_.size()); }
  int64_t length(int64_t sequence) const { return lengths_.at(static_cast<size_t>(sequence)); }
  void read(int64_t sequence, int64_t first, std::span<int64_t> out) const;

 private:
  int64_t vocabulary_, end_of_document_;
  std::vector<int32_t> lengths_;
};

}  // namespace bascule
