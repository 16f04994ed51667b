#include "cli/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "bascule/error.h"

namespace bascule::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Result failing(const std::function<void()>& work, bool json = false) {
  return guarded(
      [&]() -> Result {
        work();
        return {};
      },
      json, {});
}

constexpr const char* kPlea = "; this is a defect of bascule: please report it with the command\n";

TEST(Failure, ADefectExitsWith70AndAsksToReportIt) {
  const std::pair<const char*, std::function<void()>> defects[] = {
      {"slot x is named twice", [] { throw Error(Kind::internal, "slot x is named twice"); }},
      {"vector::at", [] { throw std::out_of_range("vector::at"); }},
      {"an unknown exception", [] { throw 1; }},
  };
  for (const auto& [message, work] : defects) {
    const Result result = failing(work);
    EXPECT_EQ(result.exit, 70);
    EXPECT_EQ(result.err, std::string("bascule: error: ") + message + kPlea);
    EXPECT_THAT(result.out, IsEmpty());
  }
}

TEST(Failure, WhatIsNoDefectDoesNot) {
  const std::pair<Kind, int> kinds[] = {
      {Kind::user, 2},        {Kind::format, 3},      {Kind::mismatch, 4},
      {Kind::unsupported, 5}, {Kind::environment, 6}, {Kind::interrupted, 130},
  };
  for (const auto& kind : kinds) {
    const Result result = failing([&] { throw Error(kind.first, "a.json: no"); });
    EXPECT_EQ(result.exit, kind.second);
    EXPECT_EQ(result.err, "bascule: error: a.json: no\n");
  }
}

TEST(Failure, MemoryThatRanOutIsTheMachines) {
  const Result result = failing([] { throw std::bad_alloc(); });
  EXPECT_EQ(result.exit, 6);
  EXPECT_THAT(result.err, HasSubstr("memory ran out; a smaller --memory"));
  EXPECT_THAT(result.err, Not(HasSubstr("defect")));
}

TEST(Failure, KeepsContextAndHidesWhatWouldSteerATerminal) {
  const Result result =
      failing([] { throw Error(Kind::format, "bad\x1b[2J").within("reading x"); });
  EXPECT_EQ(result.err, "bascule: error: reading x: bad\\x1b[2J\n");
}

TEST(Failure, IsAnObjectWithJson) {
  const Result result = failing([] { throw std::logic_error("odd"); }, true);
  EXPECT_THAT(result.out, HasSubstr(R"("kind": "internal")"));
  EXPECT_THAT(result.out, HasSubstr(R"("exit": 70)"));
  EXPECT_THAT(result.out, HasSubstr("please report it"));
}

}  // namespace
}  // namespace bascule::cli
