#include "store/memory_source.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace bascule {

void MemorySource::add(TensorInfo info, std::vector<std::byte> data) {
  require(static_cast<int64_t>(data.size()) == bytes(info.dtype, elements(info.shape)),
          Kind::internal, "{}: {} bytes are not its size", info.name, data.size());
  const auto at =
      std::lower_bound(infos_.begin(), infos_.end(), info,
                       [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
  data_.insert(data_.begin() + (at - infos_.begin()), std::move(data));
  infos_.insert(at, std::move(info));
}

void MemorySource::read(size_t index, const Box& box, std::span<std::byte> out) const {
  const TensorInfo& info = infos_.at(index);
  const Shape steps = strides(info.shape);
  const size_t width = static_cast<size_t>(bits(info.dtype)) / 8;
  require(bits(info.dtype) % 8 == 0 || box == whole(info.shape), Kind::unsupported,
          "{}: parts of elements of {} bits cannot be read", info.name, bits(info.dtype));
  if (box == whole(info.shape)) {
    std::copy_n(data_[index].begin(), out.size(), out.begin());
    return;
  }
  const int64_t row = box.extent.back(), rows = elements(box.extent) / std::max<int64_t>(1, row);
  for (int64_t i = 0; i < rows; ++i) {
    int64_t at = box.at.back(), rest = i;
    for (size_t d = box.extent.size() - 1; d-- > 0; rest /= box.extent[d])
      at += (box.at[d] + rest % box.extent[d]) * steps[d];
    std::memcpy(out.data() + static_cast<size_t>(i * row) * width,
                data_[index].data() + static_cast<size_t>(at) * width,
                static_cast<size_t>(row) * width);
  }
}

}  // namespace bascule
