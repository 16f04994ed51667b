#include "base/commit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <set>

#include "base/check.h"
#include "base/replace_directory.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::set<std::string> names_in(const fs::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.insert(entry.path().filename().string());
  return names;
}

/// Runs `work` in a child process that has no rights, and returns its exit code: 0, or the kind's.
int as_nobody(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && (::setegid(65534) != 0 || ::seteuid(65534) != 0)) ::_exit(99);
    try {
      work();
    } catch (const Error& error) {
      ::_exit(exit_code(error.kind()));
    } catch (...) {
      ::_exit(98);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Workspace, PublishesUnderTheFinalNameOnly) {
  const TemporaryDirectory dir;
  {
    Workspace work(dir / "deep/er/out", "abc1");
    EXPECT_FALSE(work.resumed());
    EXPECT_THAT(work.notices(), IsEmpty());
    put(work.path_of("model.bin"), "weights");
    put(work.path_of("tokenizer/vocab"), "words");
    put(work.journal(), "done: all");
    EXPECT_FALSE(fs::exists(dir / "deep/er/out"));
    work.publish(false, "bascule/manifest.json", "{}");
  }
  EXPECT_EQ(names_in(dir / "deep/er"), std::set<std::string>{"out"}) << "nothing of ours is left";
  EXPECT_EQ(names_in(dir / "deep/er/out"),
            (std::set<std::string>{"bascule", "model.bin", "tokenizer"}));
  EXPECT_EQ(contents(dir / "deep/er/out/model.bin"), "weights");
  EXPECT_EQ(contents(dir / "deep/er/out/bascule/manifest.json"), "{}");
}

TEST(Workspace, PublishesIntoAnEmptyDirectoryAndWithoutManifest) {
  const TemporaryDirectory dir;
  fs::create_directory(dir / "out");
  Workspace work(dir / "out/", "1");
  EXPECT_EQ(work.target(), dir / "out");
  put(work.path_of("a"), "1");
  work.publish(false, "", "");
  EXPECT_EQ(names_in(dir / "out"), std::set<std::string>{"a"});
}

TEST(Workspace, ExistingResultNeedsOverwrite) {
  const TemporaryDirectory dir;
  put(dir / "out/old", "precious");
  {
    Workspace work(dir / "out", "1");
    put(work.path_of("new"), "1");
    put(work.journal(), "x");
    expect_error(Kind::user, "out exists and is not empty; pass --overwrite",
                 [&] { work.publish(false, "", ""); });
    EXPECT_EQ(contents(dir / "out/old"), "precious");
  }
  Workspace again(dir / "out", "1");
  EXPECT_TRUE(again.resumed()) << "a refused publish keeps the work";
  again.publish(true, "", "");
  EXPECT_EQ(names_in(dir / "out"), std::set<std::string>{"new"});
}

TEST(Workspace, ResumesOnlyWithItsJournal) {
  const TemporaryDirectory dir;
  {
    Workspace work(dir / "out", "1");
    put(work.path_of("part"), "half");
  }
  {
    Workspace work(dir / "out", "1");
    EXPECT_FALSE(work.resumed());
    EXPECT_FALSE(fs::exists(work.directory() / "part")) << "work without a journal is emptied";
    put(work.path_of("part"), "half");
    put(work.journal(), "part");
  }
  Workspace work(dir / "out", "1");
  EXPECT_TRUE(work.resumed());
  EXPECT_EQ(contents(work.directory() / "part"), "half");
  EXPECT_EQ(contents(work.journal()), "part");
  work.discard();
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{".out.partial.lock"});
}

TEST(Workspace, LeavesOtherPlansAloneAndSaysHowToRemoveThem) {
  const TemporaryDirectory dir;
  put(dir / ".out.partial-old/data/x", "y");
  put(dir / ".outer.partial-old/data/x", "y");
  Workspace work(dir / "out", "new");
  EXPECT_THAT(work.others(), ElementsAre(dir / ".out.partial-old"));
  EXPECT_THAT(work.notices(),
              ElementsAre(HasSubstr("rm -r '" + (dir / ".out.partial-old").string() + "'")));
  put(work.path_of("a"), "1");
  work.publish(false, "", "");
  EXPECT_EQ(contents(dir / ".out.partial-old/data/x"), "y");
}

TEST(Workspace, IsLockedByItsOwner) {
  const TemporaryDirectory dir;
  {
    const Workspace work(dir / "out", "1");
    const std::string owner = fmt::format("another process (pid {})", ::getpid());
    expect_error(Kind::environment, owner, [&] { Workspace(dir / "out", "1"); });
    expect_error(Kind::environment, owner, [&] { Workspace(dir / "out", "2"); });
    const Workspace elsewhere(dir / "other", "1");
  }
  const Workspace free(dir / "out", "1");
}

TEST(Workspace, TheLockOfADeadProcessIsFree) {
  const TemporaryDirectory dir;
  const pid_t child = ::fork();
  if (child == 0) {
    Workspace work(dir / "out", "1");
    put(work.path_of("a"), "1");
    put(work.journal(), "a");
    ::_exit(0);  // as kill -9 would: nothing is released by us
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(fs::exists(dir / ".out.partial.lock"));
  const Workspace work(dir / "out", "1");
  EXPECT_TRUE(work.resumed());
}

TEST(Workspace, NamesStayInside) {
  const TemporaryDirectory dir;
  const Workspace work(dir / "out", "1");
  for (const char* bad : {"", "../x", "/etc/x", "a/../../x", "..", "a/", "./a"})
    expect_error(Kind::internal, "is no name inside of a result", [&] { work.path_of(bad); });
  expect_error(Kind::internal, "plan hash", [&] { Workspace(dir / "b", "../x"); });
  expect_error(Kind::internal, "plan hash", [&] { Workspace(dir / "b", ""); });
}

TEST(Workspace, WritesThroughNoSymlink) {
  const TemporaryDirectory dir;
  fs::create_directory(dir / "real");
  fs::create_directory_symlink("real", dir / ".out.partial-1");
  expect_error(Kind::user, "is in the way", [&] { Workspace(dir / "out", "1"); });
  put(dir / "file", "x");
  fs::create_symlink("file", dir / ".lock.partial.lock");
  expect_error(Kind::environment, "nothing is written through one",
               [&] { Workspace(dir / "lock", "1"); });
  EXPECT_EQ(contents(dir / "file"), "x");
}

TEST(Workspace, LeavesNoLockWhereItCannotBegin) {
  const TemporaryDirectory dir;
  put(dir / ".out.partial-1", "x");
  expect_error(Kind::user, "is in the way", [&] { Workspace(dir / "out", "1"); });
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{".out.partial-1"});
  // That of another is not ours to remove.
  const Workspace holder(dir / "held", "1");
  expect_error(Kind::environment, "is being written by another",
               [&] { Workspace(dir / "held", "2"); });
  EXPECT_TRUE(fs::exists(dir / ".held.partial.lock"));
}

TEST(Workspace, TakesAwayParentsThatItMadeInVain) {
  const TemporaryDirectory dir;
  fs::create_directory(dir / "there");
  for (const char* target : {"a/b/out", "there/a/out", "there/out"})
    Workspace(dir / target, "1").discard();
  EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"there"});
  EXPECT_TRUE(fs::is_empty(dir / "there"));
  // Where it cannot begin, too.
  expect_error(Kind::user, "is not a directory", [&] {
    const Workspace first(dir / "a/out", "1");
    File::create(dir / "a/.other.partial-2");
    Workspace(dir / "a/other", "2");
  });
  EXPECT_EQ(names_in(dir / "a"), (std::set<std::string>{".other.partial-2", ".out.partial-1"}));
  // But not what holds work to go on with, or the result.
  Workspace(dir / "b/out", "1").publish(false, "", "");
  EXPECT_TRUE(fs::is_directory(dir / "b/out"));
}

TEST(Workspace, HasRoomForTheLongestTarget) {
  const TemporaryDirectory dir;
  const fs::path longest = dir / std::string(229, 'x');
  EXPECT_NO_THROW(check_target(longest, false));
  Workspace work(longest, "0123456789abcdef");
  put(work.path_of("a"), "1");
  work.publish(false, "", "");
  EXPECT_EQ(contents(longest / "a"), "1");
}

TEST(CheckTarget, AcceptsWhatCanBeWritten) {
  const TemporaryDirectory dir;
  fs::create_directory(dir / "empty");
  put(dir / "full/a", "1");
  EXPECT_NO_THROW(check_target(dir / "absent", false));
  EXPECT_NO_THROW(check_target(dir / "absent/deep/er", false));
  EXPECT_NO_THROW(check_target(dir / "empty", false, dir / "full"));
  EXPECT_NO_THROW(check_target(dir / "full", true));
  EXPECT_NO_THROW(check_root(dir / "full"));
  EXPECT_NO_THROW(check_root(dir / "absent"));
}

TEST(CheckTarget, RefusesARootThatIsASymlink) {
  const TemporaryDirectory dir;
  fs::create_directory(dir / "real");
  fs::create_directory_symlink("real", dir / "link");
  for (const char* root : {"link", "link/"})
    expect_error(Kind::user, "link is a symlink, and nothing is written through one; name the",
                 [&] { check_root(dir / root); });
}

TEST(CheckTarget, RefusesWhatCannot) {
  const TemporaryDirectory dir;
  put(dir / "full/a", "1");
  put(dir / "full/sub/b", "1");
  fs::create_directory_symlink("full", dir / "link");
  fs::create_symlink("nowhere", dir / "dangling");
  struct Row {
    fs::path target;
    bool overwrite;
    fs::path source;
    std::string text;
  };
  const std::vector<Row> rows = {
      {dir / "full/inner", false, dir / "full", "inner lies in the source"},
      {dir / "full/in/ner", true, dir / "full/", "ner lies in the source"},
      {"", false, "", "the target's name is empty"},
      {dir / std::string(230, 'x'), false, "",
       "the target's name has 230 bytes, but at most 229 are possible"},
      {"/", true, "", "cannot be a target"},
      {dir / "full", false, "", "exists and is not empty; pass --overwrite"},
      {dir / "full/", false, "", "exists and is not empty; pass --overwrite"},
      {dir / "full/a", true, "", "is not a directory; remove it"},
      {dir / "full/a/b", true, "", "cannot be created: "},
      {dir / "link", true, "", "is a symlink, and nothing is written through one"},
      {dir / "link/", true, "", "is a symlink, and nothing is written through one"},
      {dir / "dangling", false, "", "is a symlink"},
      {dir / "full", true, dir / "full", "is both the source and the target"},
      {dir / "full", true, dir / "link", "is both the source and the target"},
      {dir / "full", true, dir / "sub/../full/.", "is both the source and the target"},
      {dir / "full", true, dir / "full/sub", "holds the source"},
      {fs::current_path(), true, "", "holds the home or the current directory"},
      {".", true, "", "holds the home or the current directory"},
      {fs::current_path().parent_path(), true, "", ""},
  };
  for (const Row& row : rows)
    expect_error(Kind::user, row.text,
                 [&] { check_target(row.target, row.overwrite, row.source); });
}

TEST(CheckTarget, PermissionsAreSeenBeforeTheWork) {
  const TemporaryDirectory dir;
  fs::create_directory(dir / "closed");
  fs::permissions(dir / "closed", fs::perms::owner_read | fs::perms::owner_exec |
                                      fs::perms::others_read | fs::perms::others_exec);
  fs::permissions(dir.path(), fs::perms::all);
  EXPECT_EQ(as_nobody([&] { check_target(dir / "closed/out", false); }), 6);
  EXPECT_EQ(as_nobody([&] { Workspace(dir / "closed/out", "1"); }), 6);
  EXPECT_EQ(as_nobody([&] { check_target(dir / "open", false); }), 0);
}

TEST(CheckSpace, SaysBothNumbers) {
  const TemporaryDirectory dir;
  EXPECT_NO_THROW(check_space(dir / "absent/deep", 1));
  expect_error(Kind::environment, "4611686018427387904 bytes are needed and ",
               [&] { check_space(dir / "absent/deep", int64_t{1} << 62); });
}

TEST(ReplaceDirectory, WithAndWithoutExchange) {
  for (const bool exchange : {true, false}) {
    const TemporaryDirectory dir;
    put(dir / "fresh/new", "1");
    put(dir / "target/old", "1");
    replace_directory(dir / "fresh", dir / "target", dir / "aside", exchange);
    EXPECT_EQ(names_in(dir.path()), std::set<std::string>{"target"});
    EXPECT_EQ(names_in(dir / "target"), std::set<std::string>{"new"});
  }
}

TEST(ReplaceDirectory, ACrashBetweenTheRenamesIsRepaired) {
  const TemporaryDirectory dir;
  put(dir / ".out.replaced/old", "1");
  { const Workspace work(dir / "out", "1"); }
  EXPECT_EQ(contents(dir / "out/old"), "1") << "the old result is back";

  put(dir / ".out.replaced/older", "1");
  { const Workspace work(dir / "out", "1"); }
  EXPECT_FALSE(fs::exists(dir / ".out.replaced")) << "a replaced one goes";
  EXPECT_EQ(contents(dir / "out/old"), "1");
}

TEST(ReplaceDirectory, ACrashAfterTheExchangeIsNotResumed) {
  const TemporaryDirectory dir;
  put(dir / "out/new", "1");
  put(dir / ".out.partial-1/data/old", "1");  // no journal: it went before the exchange
  const Workspace work(dir / "out", "1");
  EXPECT_FALSE(work.resumed());
  EXPECT_THAT(names_in(work.directory()), IsEmpty());
}

TEST(ReplaceDirectory, SomethingThatAppearedIsKept) {
  const TemporaryDirectory dir;
  put(dir / "fresh/new", "1");
  put(dir / "target/other", "1");
  expect_error(Kind::user, "target appeared meanwhile and is not empty",
               [&] { move_directory(dir / "fresh", dir / "target"); });
  EXPECT_EQ(contents(dir / "target/other"), "1");
}

}  // namespace
}  // namespace bascule
