#include "python/core/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "bascule/error.h"

namespace bascule::python {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kSoon = 5ms;

/// Takes and tells until the work has ended; what was told, in words.
std::vector<std::string> heard(Events& events) {
  std::vector<std::string> words;
  std::vector<Event> taken;
  while (events.take(taken, kSoon)) {
    for (const Event& event : taken)
      words.push_back(event.text.empty() ? std::to_string(event.bytes) : event.text);
    events.told();
  }
  return words;
}

TEST(Events, ComeInOrder) {
  Events events;
  std::jthread worker([&] {
    events.warn("odd");
    events.phase("writing", 10);
    events.note("resuming");
    events.end();
  });
  EXPECT_THAT(heard(events), ElementsAre("odd", "writing", "resuming"));
}

TEST(Events, AdvancesAddUpUntilTheyAreTaken) {
  Events events;
  events.advance(3);
  events.advance(4);
  std::vector<Event> taken;
  EXPECT_TRUE(events.take(taken, kSoon));
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].bytes, 7);
  events.told();
  events.advance(1);
  events.end();
  EXPECT_THAT(heard(events), ElementsAre("1"));
}

TEST(Events, AdvancesOfManyThreadsAreAllTold) {
  Events events;
  constexpr int kThreads = 4, kTimes = 5000;
  std::jthread work([&] {
    events.phase("writing", kThreads * kTimes);
    {
      std::vector<std::jthread> pool;
      pool.reserve(kThreads);
      for (int i = 0; i < kThreads; ++i)
        pool.emplace_back([&] {
          for (int time = 0; time < kTimes; ++time) events.advance(1);
        });
    }
    events.end();
  });
  int64_t sum = 0;
  std::vector<Event> taken;
  while (events.take(taken, kSoon)) {
    for (const Event& event : taken)
      if (event.what == Event::What::advance) sum += event.bytes;
    events.told();
  }
  EXPECT_EQ(sum, kThreads * kTimes);
}

TEST(Events, APhaseWaitsUntilItIsTold) {
  Events events;
  std::atomic<bool> began = false;
  std::jthread worker([&] {
    events.phase("writing", 1);
    began = true;
    events.end();
  });
  std::vector<Event> taken;
  while (taken.empty()) EXPECT_TRUE(events.take(taken, kSoon));
  std::this_thread::sleep_for(kSoon);
  EXPECT_FALSE(began);
  events.told();
  EXPECT_THAT(heard(events), IsEmpty());
  EXPECT_TRUE(began);
}

/// What a report throws once the work is to stop.
template <class Report>
void expect_refusal(Report report) {
  try {
    report();
    ADD_FAILURE() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::interrupted);
    EXPECT_STREQ(error.what(), "stopped by ValueError");
  }
}

TEST(Events, WhoReportsAfterAStopIsRefused) {
  Events events;
  events.stop("stopped by ValueError");
  expect_refusal([&] { events.phase("writing", 1); });
  expect_refusal([&] { events.advance(1); });
  expect_refusal([&] { events.note("resuming"); });
  expect_refusal([&] { events.warn("odd"); });
  events.end();
  EXPECT_THAT(heard(events), IsEmpty());
}

TEST(Events, WhoWaitsForAnAnswerIsRefusedByAStop) {
  Events events;
  std::jthread worker([&] {
    expect_refusal([&] { events.phase("writing", 1); });
    events.end();
  });
  std::vector<Event> taken;
  while (taken.empty()) EXPECT_TRUE(events.take(taken, kSoon));
  events.stop("stopped by ValueError");
  events.told();
  EXPECT_THAT(heard(events), IsEmpty());
}

}  // namespace
}  // namespace bascule::python
