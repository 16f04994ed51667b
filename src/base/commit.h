// The commit protocol: a result appears under its final name only when complete and durable.
//
// For a target P/NAME work happens in P/.NAME.partial-<plan hash>/:
//     data/     what becomes NAME, by rename
//     journal   the executor's own record of what is done; while it exists, the work can be resumed
// under an flock on P/.NAME.partial.lock, which holds the owner's pid. The lock is one for all
// plans of a target, so that two different commands cannot work on one target at once either.
//
// A Workspace belongs to one thread; files in its directory may be written by many.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace bascule {

/// Returns `target` spelled so that it ends in the name to rename to: "out/" as "out", "." as the
/// current directory's whole path. Throws Error{user} for an empty name and for the root.
std::filesystem::path target_path(const std::filesystem::path& target);

/// Throws unless `target` can become the result: Error{user} when it is a symlink, its name is too
/// long for that of the work beside it, it is not a directory, or a directory that is not empty
/// without `overwrite`, the source itself, a directory in it, or one that holds the source, the
/// home or the current directory; Error{environment} when its nearest existing parent cannot be
/// written to. Called before long work, so that it is not done in vain. An empty `source` is not
/// compared.
void check_target(const std::filesystem::path& target, bool overwrite,
                  const std::filesystem::path& source = {});

/// Throws Error{user} where the directory that holds targets, as a user names it, is a symlink.
void check_root(const std::filesystem::path& root);

/// Throws Error{environment} when the file system of `target` has fewer than `bytes` available.
void check_space(const std::filesystem::path& target, int64_t bytes);

class Workspace {
 public:
  /// Locks the target, creating its parents, and makes or resumes its partial directory. Throws
  /// Error{environment} naming the pid when another process has the lock. `plan_hash` is letters
  /// and digits. Partial work without a journal is emptied.
  Workspace(const std::filesystem::path& target, std::string_view plan_hash);
  /// Releases the lock. Partial work stays, for the same command to resume; parents that were made
  /// and in which nothing lies go.
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  const std::filesystem::path& target() const { return target_; }
  /// Where to write: becomes the target.
  const std::filesystem::path& directory() const { return data_; }
  /// The executor's record, outside of what is published.
  const std::filesystem::path& journal() const { return journal_; }
  /// Whether a journal was found: earlier work on the same plan can be resumed.
  bool resumed() const { return resumed_; }
  /// Whether the executor has recorded anything, so that the same command would resume.
  bool resumable() const;
  /// What the user should know: partial directories of other plans, which are left alone, with how
  /// to remove them; a file system without locks.
  const std::vector<std::string>& notices() const { return notices_; }
  /// The partial directories of other plans for this target.
  const std::vector<std::filesystem::path>& others() const { return others_; }

  /// Creates the folder of `name` below directory() and returns the whole path of `name`.
  std::filesystem::path path_of(const std::string& name) const;

  /// Makes everything durable, writes `manifest` as `manifest_name` last (none when empty), and
  /// renames the directory to the target. With `overwrite` an existing target is exchanged and the
  /// old one removed last; without, a directory that is not empty is Error{user}.
  void publish(bool overwrite, const std::string& manifest_name, std::string_view manifest);

  /// Removes the partial work.
  void discard();

 private:
  void begin(const std::string& prefix);
  void prepare(const std::string& prefix);
  void leave();

  std::filesystem::path target_, parent_, partial_, data_, journal_, aside_;
  std::vector<std::filesystem::path> made_;  // parents, the innermost last
  File lock_;
  bool locked_ = false, resumed_ = false;
  std::vector<std::string> notices_;
  std::vector<std::filesystem::path> others_;
};

}  // namespace bascule
