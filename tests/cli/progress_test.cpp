#include "cli/progress.h"

#include <gtest/gtest.h>

#include <thread>

namespace bascule::cli {
namespace {

const Moment kHalf{
    .phase = "writing", .done = 1'200'000'000, .total = 2'500'000'000, .seconds = 1, .rate = 1.3e9};

TEST(LiveLine, TellsWhatFits) {
  EXPECT_EQ(live_line(kHalf, 99),
            "writing  [=============>              ]   48%  1.20 GB of 2.50 GB  1.30 GB/s  1.00 s "
            "left");
  EXPECT_EQ(live_line(kHalf, 79),
            "writing  [========>         ]   48%  1.20 GB of 2.50 GB  1.30 GB/s  1.00 s left");
  EXPECT_EQ(live_line(kHalf, 50), "writing   48%  1.20 GB of 2.50 GB  1.30 GB/s");
  EXPECT_EQ(live_line(kHalf, 16), "writing   48%");
  EXPECT_EQ(live_line(kHalf, 5), "writi");
  EXPECT_EQ(live_line(kHalf, 0), "w");
}

TEST(LiveLine, IsNeverTooWide) {
  for (int columns = 1; columns < 200; ++columns)
    EXPECT_LE(live_line(kHalf, columns).size(), static_cast<size_t>(columns));
}

TEST(LiveLine, KnowsNoTotal) {
  EXPECT_EQ(live_line({.phase = "hashing", .done = 1'500'000, .rate = 2e6}, 80),
            "hashing  1.50 MB     2 MB/s");
  EXPECT_EQ(live_line({.phase = "hashing"}, 80), "hashing");
}

TEST(LiveLine, EndsFull) {
  const std::string line = live_line({.phase = "p", .done = 10, .total = 10, .rate = 1}, 80);
  EXPECT_NE(line.find("=]  100%"), std::string::npos) << line;
  EXPECT_EQ(line.find("left"), std::string::npos);
  // More done than there was to do, as after a source that grew.
  EXPECT_NE(live_line({.phase = "p", .done = 30, .total = 10}, 80).find("100%"), std::string::npos);
}

TEST(LiveLine, TakesOtherFactsThanBytes) {
  EXPECT_EQ(live_line("training", 0.5, {"step 5 of 10", "loss 3.2145"}, 60),
            "training  [==========>          ]  step 5 of 10  loss 3.2145");
  EXPECT_EQ(live_line("training", 0.5, {"step 5 of 10", "loss 3.2145"}, 30),
            "training  step 5 of 10");
}

TEST(LogLine, HasNoBar) {
  EXPECT_EQ(log_line({.phase = "writing", .total = 2'500'000'000}), "writing, 2.50 GB");
  EXPECT_EQ(log_line(kHalf), "writing: 48%, 1.20 GB of 2.50 GB, 1.30 GB/s, 1.00 s left");
  EXPECT_EQ(log_line({.phase = "plan"}), "plan");
}

TEST(Progress, IsQuietInALogForTenSeconds) {
  testing::internal::CaptureStderr();
  {
    Progress progress({}, false);
    progress.phase("writing", 1000);
    for (int i = 0; i < 1000; ++i) progress.advance(1);
    progress.phase("verifying", 1000);
    progress.note("resuming");
    progress.warn("it\nmatters");
    EXPECT_TRUE(progress.warned("it\nmatters"));
    EXPECT_FALSE(progress.warned("something else"));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "bascule: writing, 1 kB\nbascule: resuming\nbascule: warning: it?matters\n");
}

TEST(Progress, QuietShowsWarningsOnly) {
  testing::internal::CaptureStderr();
  {
    Progress progress({.live = true, .columns = 80}, true);
    progress.phase("writing", 1000);
    progress.advance(10);
    progress.note("resuming");
    progress.warn("it matters");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "bascule: warning: it matters\n");
}

TEST(Progress, LeavesNoLiveLineBehind) {
  testing::internal::CaptureStderr();
  {
    Progress progress({.live = true, .columns = 80}, false);
    progress.phase("writing", 1000);
    progress.warn("it matters");
    progress.phase("verifying", 1000);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "\r" + live_line({.phase = "writing", .total = 1000}, 79) +
                "\x1b[K\r\x1b[Kbascule: warning: it matters\n\r" +
                live_line({.phase = "verifying", .total = 1000}, 79) + "\x1b[K\r\x1b[K");
}

TEST(Progress, DrawsBelowWhatOthersWrite) {
  testing::internal::CaptureStderr();
  const std::string line = "\r" + live_line("training", 0.5, {"step 5 of 10"}, 79) + "\x1b[K";
  {
    Progress progress({.live = true, .columns = 80}, false);
    progress.draw("training", 0.5, {"step 5 of 10"});
    progress.draw("training", 0.6, {"step 6 of 10"});  // not so soon
    progress.above([] { say("iteration 5\n"); });
    progress.draw("training", 0.5, {"step 5 of 10"});
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            line + "\r\x1b[Kiteration 5\n" + line + "\r\x1b[K");
}

TEST(Progress, DrawsNothingInALogAndNothingQuietly) {
  testing::internal::CaptureStderr();
  {
    Progress log({}, false), quiet({.live = true, .columns = 80}, true);
    for (Progress* each : {&log, &quiet}) {
      each->draw("training", 0.5, {"step 5 of 10"});
      each->above([] { say("iteration 5\n"); });
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "iteration 5\niteration 5\n");
}

TEST(Progress, TakesCallsFromManyThreads) {
  testing::internal::CaptureStderr();
  {
    Progress progress({.live = true, .columns = 80}, false);
    progress.phase("writing", 400'000);
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&progress] {
        for (int i = 0; i < 100'000; ++i) progress.advance(1);
        progress.warn("done");
      });
    for (std::thread& thread : threads) thread.join();
    progress.phase("verifying", 1);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.compare(text.size() - 4, 4, "\r\x1b[K"), 0);
}

}  // namespace
}  // namespace bascule::cli
