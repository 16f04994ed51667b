// An array that is looked at, with whatever keeps it alive: a vector or a mapped file.
// Copies share it. Immutable; any number of threads may read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace bascule {

template <class T>
class HeldArray {
 public:
  HeldArray() = default;
  explicit HeldArray(std::vector<T> values) {
    auto kept = std::make_shared<const std::vector<T>>(std::move(values));
    values_ = *kept;
    owner_ = std::move(kept);
  }
  HeldArray(std::span<const T> values, std::shared_ptr<const void> owner)
      : values_(values), owner_(std::move(owner)) {}

  std::span<const T> values() const { return values_; }
  int64_t size() const { return static_cast<int64_t>(values_.size()); }
  T operator[](int64_t i) const { return values_[static_cast<size_t>(i)]; }

 private:
  std::span<const T> values_;
  std::shared_ptr<const void> owner_;
};

}  // namespace bascule
