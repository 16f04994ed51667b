// Reading ahead: the same batches in the same order, on another thread, errors where they belong.
#include "train/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "base/check.h"

namespace bascule {
namespace {

using Place = std::pair<int64_t, int64_t>;

/// Two, then four sequences a step, in micro-batches of one.
constexpr Batches kGrowing{
    .micro = 1, .global = 4, .start = 2, .increment = 2, .rampup_samples = 3};

/// A batch that says what it is.
Batch batch_at(int64_t consumed, int64_t index) {
  return {.sequences = 1000 * consumed + index, .length = 1};
}

class Source {
 public:
  MicroBatches reader() {
    return [this](int64_t consumed, int64_t index) {
      const std::lock_guard lock(mutex_);
      places_.emplace_back(consumed, index);
      threads_.push_back(std::this_thread::get_id());
      if (Place{consumed, index} == bad) fail(Kind::format, "no batch at {}, {}", consumed, index);
      return batch_at(consumed, index);
    };
  }
  std::vector<Place> places() {
    const std::lock_guard lock(mutex_);
    return places_;
  }
  std::vector<std::thread::id> threads() {
    const std::lock_guard lock(mutex_);
    return threads_;
  }

  Place bad = {-1, -1};

 private:
  std::mutex mutex_;
  std::vector<Place> places_;
  std::vector<std::thread::id> threads_;
};

const std::vector<Place> kInOrder = {{0, 0}, {0, 1}, {2, 0}, {2, 1}, {4, 0},
                                     {4, 1}, {4, 2}, {4, 3}, {8, 0}, {8, 1}};

void expect_batch(ReadAhead& ahead, const Place& place) {
  EXPECT_EQ(ahead.get(place.first, place.second).sequences,
            batch_at(place.first, place.second).sequences);
}

TEST(ReadAhead, GivesTheSameInTheSameOrderAndReadsEachOnce) {
  Source source;
  {
    ReadAhead ahead(source.reader(), kGrowing, 12);
    for (const Place& place : kInOrder) expect_batch(ahead, place);
  }
  std::vector<Place> expected = kInOrder;
  expected.emplace_back(8, 2);
  EXPECT_EQ(source.places(), expected);
  const auto threads = source.threads();
  EXPECT_EQ(threads[0], std::this_thread::get_id());
  for (size_t i = 1; i < threads.size(); ++i) EXPECT_NE(threads[i], threads[0]);
}

TEST(ReadAhead, ReadsWhileNobodyAsks) {
  Source source;
  ReadAhead ahead(source.reader(), kGrowing, 12);
  expect_batch(ahead, {0, 0});
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (source.places().size() < 2 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(source.places(), (std::vector<Place>{{0, 0}, {0, 1}}));
}

TEST(ReadAhead, StopsAtTheEndOfTheRun) {
  Source source;
  {
    ReadAhead ahead(source.reader(), kGrowing, 2);
    expect_batch(ahead, {0, 0});
    expect_batch(ahead, {0, 1});
  }
  EXPECT_EQ(source.places().size(), 2u);
}

TEST(ReadAhead, AJumpIsRead) {
  Source source;
  ReadAhead ahead(source.reader(), kGrowing, 100);
  expect_batch(ahead, {0, 0});
  expect_batch(ahead, {8, 1});
  expect_batch(ahead, {8, 2});
  expect_batch(ahead, {0, 0});
}

TEST(ReadAhead, AnErrorComesToWhomItConcerns) {
  Source source;
  source.bad = {2, 1};
  {
    ReadAhead ahead(source.reader(), kGrowing, 12);
    for (const Place& place : {Place{0, 0}, Place{0, 1}, Place{2, 0}}) expect_batch(ahead, place);
    try {
      ahead.get(2, 1);
      ADD_FAILURE() << "gave a batch";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::format);
      EXPECT_EQ(error.message(), "no batch at 2, 1");
    }
    expect_batch(ahead, {4, 0});
  }
  // Whoever never asks never hears of it.
  source.bad = {0, 1};
  ReadAhead ahead(source.reader(), kGrowing, 12);
  expect_batch(ahead, {0, 0});
}

}  // namespace
}  // namespace bascule
