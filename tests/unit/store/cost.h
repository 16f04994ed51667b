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

/// Expects that `work` returns true within 2 seconds of processor time and 300 MB of memory. An
/// unoptimised or sanitized build is given more of both: they count what a release does not do.
inline void expect_cheap(const std::function<bool()>& work) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
  constexpr long kKilobytes = 3'000'000, kSeconds = 60;
#else
  constexpr long kKilobytes = 300'000, kSeconds = 2;
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
  EXPECT_LE(used.ru_utime.tv_sec + used.ru_stime.tv_sec, kSeconds - 1);
  EXPECT_LE(used.ru_maxrss, kKilobytes);
}

}  // namespace bascule
