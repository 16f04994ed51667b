// The processor time of this process since the object was made: not disturbed by other processes,
// as the time of day is.
#pragma once

#include <ctime>

namespace bascule {

class CpuTime {
 public:
  double seconds() const { return static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC; }

 private:
  std::clock_t start_ = std::clock();
};

}  // namespace bascule
