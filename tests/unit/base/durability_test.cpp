// What is made durable, and before what: every fsync of this program is seen here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/commit.h"
#include "unit/base/temporary_directory.h"

namespace {

std::vector<std::string>* watching = nullptr;

}  // namespace

extern "C" int fsync(int fd) {
  if (watching)
    watching->push_back(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)));
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace bascule {
namespace {

using testing::ElementsAre;

/// What a new workspace makes durable, without the time after its directories are there.
std::vector<std::string> synced_by(const std::filesystem::path& target) {
  std::vector<std::string> seen;
  watching = &seen;
  const Workspace workspace(target, "1");
  watching = nullptr;
  return seen;
}

TEST(Durability, OfEveryDirectoryThatIsMadeOnTheWay) {
  const TemporaryDirectory dir;
  const std::string top = std::filesystem::canonical(dir.path());
  EXPECT_THAT(synced_by(dir / "a/b/c/out"),
              ElementsAre(top, top + "/a", top + "/a/b", top + "/a/b/c"));
  EXPECT_THAT(synced_by(dir / "a/b/c/out"), ElementsAre(top + "/a/b/c"));
  EXPECT_THAT(synced_by(dir / "a/x/out"), ElementsAre(top + "/a", top + "/a/x"));
}

TEST(Durability, OfARelativeTarget) {
  const TemporaryDirectory dir;
  const std::string top = std::filesystem::canonical(dir.path());
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  EXPECT_THAT(synced_by("new/out"), ElementsAre(top, top + "/new"));
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace bascule
