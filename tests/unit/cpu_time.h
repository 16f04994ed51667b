// The processor time of this process since the object was made: not disturbed by other processes,
// as the time of day is.
#pragma once

#include <ctime>

namespace bascule {

class CpuTime {
 public:
  /// Sanitizers and builds without optimisation, which are several times as slow, are allowed for.
  double seconds() const {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
    constexpr double kSlower = 10;
#else
    constexpr double kSlower = 1;
#endif
    return static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC / kSlower;
  }

 private:
  std::clock_t start_ = std::clock();
};

}  // namespace bascule
