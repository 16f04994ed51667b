#include "base/commit.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>

#include "base/check.h"
#include "base/directories.h"
#include "base/filesystem.h"
#include "base/replace_directory.h"
#include "base/workers.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

void require_real_directory(const fs::path& path) {
  const fs::file_status status = fs::symlink_status(path);
  require(!fs::exists(status) || fs::is_directory(status), Kind::user,
          "{} is in the way: it is not a directory; remove it", path.string());
}

// Read without insisting: the owner may be writing it at this moment.
std::string owner_of(const File& lock) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(lock.fd(), text.data(), text.size(), 0);
  const std::string_view read(text.data(), static_cast<size_t>(std::max<ssize_t>(0, got)));
  const std::string digits(read.substr(0, read.find_first_not_of("0123456789")));
  return digits.empty() ? "not known yet" : digits;
}

bool still_named(const File& file) {
  struct stat held {
  }, named{};
  return ::fstat(file.fd(), &held) == 0 && ::stat(file.path().c_str(), &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

// Locks `path`, whose previous owner may remove it at any moment: a lock counts only while its file
// still has the name. Returns a notice where the file system has no locks.
std::string take_lock(File& lock, const fs::path& path, const fs::path& target) {
  std::string notice;
  do {
    lock = File::modify(path);
    if (::flock(lock.fd(), LOCK_EX | LOCK_NB) == 0) continue;
    const int error = errno;
    require(error != EWOULDBLOCK, Kind::environment,
            "{} is being written by another process (pid {}); wait for it or stop it",
            target.string(), error == EWOULDBLOCK ? owner_of(lock) : "");
    if (error != ENOLCK && error != ENOSYS && error != EOPNOTSUPP) fail_errno(error, "lock", path);
    notice =
        fmt::format("the file system of {} has no locks: do not run two commands on one target",
                    target.string());
  } while (!still_named(lock));
  lock.resize(0);
  lock.pwrite_all(0, as_bytes(fmt::format("{}\n", ::getpid())));
  return notice;
}

void sync_tree(const fs::path& root) {
  std::vector<fs::path> files, directories = {root};
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    const fs::file_status status = entry.symlink_status();
    require(fs::is_regular_file(status) || fs::is_directory(status), Kind::internal,
            "{} is neither a file nor a directory", entry.path().string());
    (fs::is_directory(status) ? directories : files).push_back(entry.path());
  }
  parallel(2, files.size(), [&](size_t i, int) { File::open(files[i]).sync(); });
  std::for_each(directories.rbegin(), directories.rend(), sync_directory);
}

}  // namespace

Workspace::Workspace(const fs::path& target, std::string_view plan_hash)
    : target_(target_path(target)) {
  require(!plan_hash.empty() && std::all_of(plan_hash.begin(), plan_hash.end(),
                                            [](unsigned char c) { return std::isalnum(c) != 0; }),
          Kind::internal, "the plan hash \"{}\" is not letters and digits", plan_hash);
  parent_ = target_.has_parent_path() ? target_.parent_path() : ".";
  const std::string prefix = "." + target_.filename().string() + ".partial";
  partial_ = parent_ / fmt::format("{}-{}", prefix, plan_hash);
  data_ = partial_ / "data";
  journal_ = partial_ / "journal";
  aside_ = parent_ / fmt::format(".{}.replaced", target_.filename().string());

  filesystem_work([&] { begin(prefix); });
}

void Workspace::begin(const std::string& prefix) {
  try {
    made_ = make_durable_directories(parent_);
    if (std::string notice = take_lock(lock_, parent_ / (prefix + ".lock"), target_);
        !notice.empty())
      notices_.push_back(std::move(notice));
    locked_ = true;
    prepare(prefix);
  } catch (...) {
    leave();  // no destructor runs
    throw;
  }
}

void Workspace::prepare(const std::string& prefix) {
  restore_directory(target_, aside_);
  require_real_directory(partial_);
  resumed_ = fs::is_regular_file(fs::symlink_status(journal_)) &&
             fs::is_directory(fs::symlink_status(data_));
  if (!resumed_) remove_directory(partial_);
  make_directories(data_);
  sync_directory(parent_);

  for (const fs::directory_entry& entry : fs::directory_iterator(parent_)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix + "-") || name == partial_.filename()) continue;
    others_.push_back(entry.path());
  }
  std::sort(others_.begin(), others_.end());
  for (const fs::path& other : others_)
    notices_.push_back(fmt::format(
        "{} is unfinished work of another command on this target and is left alone; to remove it: "
        "rm -r '{}'",
        other.string(), other.string()));
}

Workspace::~Workspace() { leave(); }

void Workspace::leave() {
  if (locked_) ::unlink(lock_.path().c_str());
  remove_empty(made_);
}

bool Workspace::resumable() const {
  std::error_code ignored;
  const std::uintmax_t size = fs::file_size(journal_, ignored);
  return !ignored && size > 0;
}

fs::path Workspace::path_of(const std::string& name) const {
  const fs::path inside(name);
  require(inside.is_relative() && inside.has_filename() && inside.lexically_normal() == inside &&
              *inside.begin() != "..",
          Kind::internal, "\"{}\" is no name inside of a result", name);
  fs::path path = data_ / inside;
  make_directories(path.parent_path());
  return path;
}

void Workspace::publish(bool overwrite, const std::string& manifest_name,
                        std::string_view manifest) {
  check_target(target_, overwrite);
  filesystem_work([&] { sync_tree(data_); });
  if (!manifest_name.empty()) {
    const fs::path path = path_of(manifest_name);
    write_file_atomically(path, manifest);
    for (fs::path folder = path.parent_path(); folder != data_.parent_path();
         folder = folder.parent_path())
      sync_directory(folder);
  }
  filesystem_work([&] {
    if (!fs::exists(target_) || fs::is_empty(target_)) return move_directory(data_, target_);
    // From here on `data` may be the old result, which must never be taken for work to resume.
    fs::remove(journal_);
    sync_directory(partial_);
    replace_directory(data_, target_, aside_);
  });
  discard();
}

void Workspace::discard() {
  remove_directory(partial_);
  sync_directory(parent_);
}

}  // namespace bascule
