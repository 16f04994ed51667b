#include "base/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace bascule {
namespace {

using Lines = std::vector<std::string>;

bool run_shell(const std::string& script, Lines& lines) {
  return run_program({"sh", "-c", script},
                     [&](std::string_view line) { lines.emplace_back(line); });
}

TEST(Process, GivesLinesAsTheyAre) {
  Lines lines;
  EXPECT_TRUE(run_shell("printf 'one\\n\\ntwo\\nthree'; exec 1>&-", lines));
  EXPECT_THAT(lines, testing::ElementsAre("one", "", "two", "three"));
  lines.clear();
  EXPECT_TRUE(run_shell("i=0; while [ $i -lt 30000 ]; do echo $i; i=$((i+1)); done", lines));
  ASSERT_EQ(lines.size(), 30000);
  EXPECT_EQ(lines[29999], "29999");
}

TEST(Process, SaysHowItEnded) {
  Lines lines;
  EXPECT_FALSE(run_shell("echo last; exit 3", lines));
  EXPECT_THAT(lines, testing::ElementsAre("last"));
  EXPECT_FALSE(run_shell("kill -9 $$", lines));
  EXPECT_FALSE(run_program({"/no/such/program"}, [](std::string_view) {}));
  EXPECT_FALSE(run_program({"/no/such/program"}));
  EXPECT_TRUE(run_program({"true"}));
}

TEST(Process, EndsTheProgramWhenItsReaderThrows) {
  EXPECT_THROW(run_program({"sh", "-c", "echo a; exec sleep 600"},
                           [](std::string_view) { throw std::runtime_error("enough"); }),
               std::runtime_error);
}

}  // namespace
}  // namespace bascule
