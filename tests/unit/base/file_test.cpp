#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

std::string read_all(const File& file, int64_t offset, size_t size) {
  std::string out(size, '?');
  file.pread_exact(offset, std::as_writable_bytes(std::span(out)));
  return out;
}

TEST(File, WritesAndReadsAtOffsets) {
  const TemporaryDirectory dir;
  File file = File::create(dir / "a");
  file.pwrite_all(4, as_bytes("world"));
  file.pwrite_all(0, as_bytes("hell"));
  file.sync();
  EXPECT_EQ(file.size(), 9);
  EXPECT_EQ(read_all(file, 2, 5), "llwor");
  file.close();
  EXPECT_FALSE(file);
  EXPECT_EQ(contents(dir / "a"), "hellworld");
}

TEST(File, CreateEmptiesAndModifyKeeps) {
  const TemporaryDirectory dir;
  put(dir / "a", "something");
  EXPECT_EQ(File::modify(dir / "a").size(), 9);
  EXPECT_EQ(File::create(dir / "a").size(), 0);
  EXPECT_EQ(File::modify(dir / "new").size(), 0);
}

TEST(File, MovesOwnership) {
  const TemporaryDirectory dir;
  put(dir / "a", "x");
  File a = File::open(dir / "a");
  const int fd = a.fd();
  File b = std::move(a);
  EXPECT_EQ(b.fd(), fd);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): a moved-from File is a closed one
  b = File();
  EXPECT_EQ(::write(fd, "", 0), -1) << "assigning closes";
}

TEST(File, ReadingBeyondTheEndSaysItShrank) {
  const TemporaryDirectory dir;
  put(dir / "a", "0123456789");
  const File file = File::open(dir / "a");
  fs::resize_file(dir / "a", 4);
  expect_error(Kind::environment, "a is shorter than it was: 4 bytes instead of 10",
               [&] { read_all(file, 2, 5); });
}

TEST(File, ReserveSetsTheSizeAndShortens) {
  const TemporaryDirectory dir;
  const File file = File::create(dir / "a");
  file.reserve(1 << 20);
  EXPECT_EQ(file.size(), 1 << 20);
  EXPECT_EQ(read_all(file, 1000, 3), std::string(3, '\0'));
  file.reserve(10);
  EXPECT_EQ(file.size(), 10);
  file.reserve(0);
  EXPECT_EQ(file.size(), 0);
}

TEST(File, ReserveBeyondTheDiskSaysHowMuchIsThere) {
  const TemporaryDirectory dir;
  const File file = File::create(dir / "a");
  expect_error(Kind::environment, "4611686018427387904 bytes are needed and ",
               [&] { file.reserve(int64_t{1} << 62); });
  EXPECT_EQ(file.size(), 0) << "nothing was allocated";
}

TEST(File, RefusesWhatIsNoRegularFile) {
  const TemporaryDirectory dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  expect_error(Kind::environment, "fifo is a FIFO, not a regular file",
               [&] { File::open(dir / "fifo"); });
  expect_error(Kind::environment, "is a directory, not a regular file",
               [&] { File::open(dir.path()); });
  expect_error(Kind::environment, "/dev/zero is a device, not a regular file",
               [] { File::open("/dev/zero"); });
  expect_error(Kind::environment, "/dev/full is a device", [] { File::create("/dev/full"); });
}

TEST(File, FollowsSymlinksToReadAndNeverToWrite) {
  const TemporaryDirectory dir;
  put(dir / "blob", "data");
  fs::create_symlink("blob", dir / "link");
  EXPECT_EQ(read_all(File::open(dir / "link"), 0, 4), "data");
  expect_error(Kind::environment, "nothing is written through one",
               [&] { File::create(dir / "link"); });
  expect_error(Kind::environment, "nothing is written through one",
               [&] { File::modify(dir / "link"); });
  EXPECT_EQ(contents(dir / "blob"), "data");
}

TEST(File, NamesWhatIsMissing) {
  const TemporaryDirectory dir;
  expect_error(Kind::environment, "absent: No such file or directory",
               [&] { File::open(dir / "absent"); });
  expect_error(Kind::environment, "cannot create", [&] { File::create(dir / "no/such"); });
}

TEST(File, WordsErrnoWithARemedy) {
  struct Row {
    int error;
    std::string text;
  };
  const std::vector<Row> rows = {
      {ENOSPC, "cannot write x: No space left on device; free some space"},
      {EACCES, "cannot write x: Permission denied; check the permissions"},
      {EROFS, "cannot write x: Read-only file system; the file system is mounted read-only"},
      {EMFILE, "cannot write x: Too many open files; too many files are open: raise the limit"},
      {EDQUOT, "the disk quota is used up"},
      {EIO, "Input/output error; the device reports an error"},
      {EINTR, "cannot write x: Interrupted system call"},
  };
  for (const Row& row : rows)
    expect_error(Kind::environment, row.text, [&] { fail_errno(row.error, "write", "x"); });
}

TEST(File, TooManyOpenFilesNamesTheLimit) {
  const TemporaryDirectory dir;
  put(dir / "a", "x");
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  const rlimit small{0, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &small), 0);
  expect_error(Kind::environment, "raise the limit with `ulimit -n",
               [&] { File::open(dir / "a"); });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
}

// A file size limit makes the kernel write short first and fail then, as a full disk does.
TEST(File, ShortWritesAreContinuedUntilTheyFail) {
  const TemporaryDirectory dir;
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const File file = File::create(dir / "a");
  const rlimit small{1000, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_error(Kind::environment, "a: File too large",
               [&] { file.pwrite_all(0, as_bytes(std::string(5000, 'x'))); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_EQ(file.size(), 1000);
}

TEST(SmallFile, ReadsWholeWithinItsLimit) {
  const TemporaryDirectory dir;
  put(dir / "a", std::string("a\0b", 3));
  put(dir / "empty", "");
  EXPECT_EQ(read_small_file(dir / "a", 3), std::string("a\0b", 3));
  EXPECT_EQ(read_small_file(dir / "empty", 0), "");
  expect_error(Kind::format, "too large for what it is: 3 bytes, at most 2",
               [&] { read_small_file(dir / "a", 2); });
}

TEST(SmallFile, ReplacesByRename) {
  const TemporaryDirectory dir;
  put(dir / "a", "old");
  const File old = File::open(dir / "a");
  write_file_atomically(dir / "a", "newer");
  EXPECT_EQ(contents(dir / "a"), "newer");
  write_file_atomically(dir / "a", "new", as_bytes("est"));
  EXPECT_EQ(contents(dir / "a"), "newest");
  EXPECT_EQ(read_all(old, 0, 3), "old") << "a reader keeps what it had opened";
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 1) << "no temporary is left";
}

TEST(SmallFile, ReplacesASymlinkAndNotWhatItNames) {
  const TemporaryDirectory dir;
  put(dir / "blob", "kept");
  fs::create_symlink("blob", dir / "link");
  write_file_atomically(dir / "link", "new");
  EXPECT_EQ(contents(dir / "blob"), "kept");
  EXPECT_FALSE(fs::is_symlink(dir / "link"));
}

TEST(SmallFile, FailureLeavesTheOldAndNoTemporary) {
  const TemporaryDirectory dir;
  fs::create_directories(dir / "a/full");
  expect_error(Kind::environment, "cannot replace", [&] { write_file_atomically(dir / "a", "x"); });
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 1);
}

}  // namespace
}  // namespace bascule
