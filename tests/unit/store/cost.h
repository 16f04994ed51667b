// What a piece of work costs in time and memory, measured in a process of its own.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <string>

namespace bascule {

/// Expects that `work` on so many bytes of input returns true within 300 MB of memory and 2 seconds
/// of processor time, and 30 ms for each megabyte: what looks once at all of it passes on a slow
/// machine, too. A sanitized or unoptimised build is given more of both: they check, or count, at
/// every line what a release does not.
inline void expect_cheap(const std::function<bool()>& work, size_t input = 0) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr long kKilobytes = 3'000'000;
  constexpr double kSeconds = 60;
#elif !defined(__OPTIMIZE__)
  constexpr long kKilobytes = 3'000'000;
  constexpr double kSeconds = 180;
#else
  constexpr long kKilobytes = 300'000;
  constexpr double kSeconds = 2;
#endif
  const pid_t child = ::fork();
  if (child == 0) {
    // The peak of this process begins anew: what the parent holds is not what `work` costs.
    std::ofstream("/proc/self/clear_refs") << 5;
    ::_exit(work() ? 0 : 1);
  }
  int status = 0;
  rusage used{};
  ASSERT_EQ(::wait4(child, &status, 0, &used), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "another result, status " << status;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  EXPECT_LE(seconds(used.ru_utime) + seconds(used.ru_stime),
            kSeconds + 0.03 * static_cast<double>(input) / 1e6);
  EXPECT_LE(used.ru_maxrss, kKilobytes);
}

}  // namespace bascule
