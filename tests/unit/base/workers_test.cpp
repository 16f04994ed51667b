#include "base/workers.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "base/check.h"
#include "base/interrupt.h"
#include "unit/base/expect_error.h"

namespace bascule {
namespace {

TEST(Workers, RunEachIndexOnce) {
  for (const int threads : {0, 1, 2, 5}) {
    for (const size_t count : {0u, 1u, 3u, 1000u}) {
      std::vector<std::atomic<int>> runs(count);
      std::atomic<bool> numbered{true};
      parallel(threads, count, [&](size_t index, int worker) {
        ++runs[index];
        if (worker < 0 || worker >= std::max(threads, 1)) numbered = false;
      });
      for (const auto& run : runs) EXPECT_EQ(run, 1);
      EXPECT_TRUE(numbered);
    }
  }
}

TEST(Workers, OneThreadIsTheCallersAndInOrder) {
  std::vector<size_t> order;
  parallel(1, 4, [&](size_t index, int) { order.push_back(index); });
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 3}));
}

TEST(Workers, TheFirstErrorStopsTheRest) {
  std::atomic<int> runs{0};
  expect_error(Kind::format, "number 3 is bad", [&] {
    parallel(2, 1'000'000, [&](size_t index, int) {
      ++runs;
      require(index != 3, Kind::format, "number {} is bad", index);
    });
  });
  EXPECT_LT(runs, 1'000'000);
}

TEST(Workers, RethrowAnyException) {
  EXPECT_THROW(parallel(3, 8, [](size_t, int) { throw std::runtime_error("x"); }),
               std::runtime_error);
}

TEST(Interrupt, NothingUntilASignal) {
  EXPECT_EQ(interrupted_by(), 0);
  EXPECT_NO_THROW(check_interrupt());
}

// Each in a process of its own, which the flag outlives.
void stop_by(int signal) {
  catch_interrupts();
  size_t runs = 0;
  try {
    parallel(1, 10, [&](size_t index, int) {
      ++runs;
      if (index == 2) ::raise(signal);
    });
  } catch (const Error& error) {
    const bool good = runs == 3 && interrupted_by() == signal && error.kind() == Kind::interrupted;
    fprintf(stderr, "%s", error.what());
    std::_Exit(good ? 7 : 8);
  }
  std::_Exit(9);
}

TEST(InterruptDeathTest, SignalsBecomeErrors) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(stop_by(SIGINT), testing::ExitedWithCode(7), "stopped by SIGINT");
  EXPECT_EXIT(stop_by(SIGTERM), testing::ExitedWithCode(7), "stopped by SIGTERM");
}

TEST(InterruptDeathTest, ASecondSignalEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        catch_interrupts();
        ::raise(SIGTERM);
        ::raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace bascule
