#include "store/box_read.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/check.h"

namespace bascule {
namespace {

// A system call costs about as much as copying this many bytes from the page cache: shorter gaps
// are read through. Long runs go straight to their place instead.
constexpr int64_t kGap = 16 << 10;
constexpr int64_t kLongRun = 64 << 10;
constexpr int64_t kBuffer = 1 << 20;

void require_inside(const Shape& shape, const Box& box) {
  bool inside = box.at.size() == shape.size() && box.extent.size() == shape.size();
  for (size_t d = 0; inside && d < shape.size(); ++d)
    inside = box.at[d] >= 0 && box.extent[d] >= 0 && box.at[d] <= shape[d] &&
             box.extent[d] <= shape[d] - box.at[d];
  require(inside, Kind::internal, "the box {} from {} is not inside of a tensor of {}",
          to_string(box.extent), to_string(box.at), to_string(shape));
}

int64_t whole_bytes(int64_t elements, DType dtype) {
  const int64_t total = elements * bits(dtype);
  require(total % 8 == 0, Kind::unsupported,
          "a cut after {} elements of {} does not fall on a whole byte", elements,
          safetensors_name(dtype));
  return total / 8;
}

// The runs of a box: stretches that are contiguous in the tensor, in ascending order.
class Runs {
 public:
  Runs(DType dtype, const Shape& shape, const Box& box) : outer_(shape.size()) {
    int64_t elements_a_run = 1;
    while (outer_ > 0) {
      --outer_;
      elements_a_run *= box.extent[outer_];
      if (box.extent[outer_] != shape[outer_]) break;
    }
    bytes_ = whole_bytes(elements_a_run, dtype);
    const Shape steps = strides(shape);
    int64_t first = 0;
    for (size_t d = 0; d < shape.size(); ++d) first += box.at[d] * steps[d];
    next_ = whole_bytes(first, dtype);
    for (size_t d = 0; d < outer_; ++d) {
      extent_.push_back(box.extent[d]);
      step_.push_back(box.extent[d] > 1 ? whole_bytes(steps[d], dtype) : 0);
      count_ *= box.extent[d];
    }
    at_.assign(outer_, 0);
  }

  int64_t bytes() const { return bytes_; }
  bool empty() const { return count_ == 0; }
  /// Where the next run begins, in bytes from the tensor's begin.
  int64_t next() const { return next_; }

  void advance() {
    --count_;
    for (size_t d = outer_; d-- > 0;) {
      next_ += step_[d];
      if (++at_[d] < extent_[d]) return;
      next_ -= step_[d] * extent_[d];
      at_[d] = 0;
    }
  }

 private:
  size_t outer_;
  int64_t bytes_ = 0, count_ = 1, next_ = 0;
  Shape extent_, step_, at_;
};

}  // namespace

void read_box(const File& file, int64_t offset, DType dtype, const Shape& shape, const Box& box,
              std::span<std::byte> out) {
  require_inside(shape, box);
  const int64_t wanted = whole_bytes(elements(box.extent), dtype);
  require(static_cast<int64_t>(out.size()) == wanted, Kind::internal,
          "a box of {} bytes is read into {}", wanted, out.size());
  if (wanted == 0) return;

  Runs runs(dtype, shape, box);
  const int64_t run = runs.bytes();
  const auto take = [&](int64_t size) {
    const auto part = out.first(static_cast<size_t>(size));
    out = out.subspan(static_cast<size_t>(size));
    return part;
  };
  std::unique_ptr<std::byte[]> buffer;
  std::vector<int64_t> begins;
  while (!runs.empty()) {
    begins.assign(1, runs.next());
    runs.advance();
    const auto near = [&] {
      return runs.next() - begins.back() - run <= kGap && runs.next() + run - begins[0] <= kBuffer;
    };
    while (run < kLongRun && !runs.empty() && near()) {
      begins.push_back(runs.next());
      runs.advance();
    }
    if (begins.size() == 1) {
      file.pread_exact(offset + begins[0], take(run));
      continue;
    }
    const size_t span = static_cast<size_t>(begins.back() + run - begins[0]);
    if (!buffer) buffer = std::make_unique_for_overwrite<std::byte[]>(kBuffer);
    file.pread_exact(offset + begins[0], {buffer.get(), span});
    for (const int64_t begin : begins)
      std::memcpy(take(run).data(), buffer.get() + (begin - begins[0]), static_cast<size_t>(run));
  }
}

}  // namespace bascule
