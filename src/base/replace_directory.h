// Moving a finished directory to its final name, whether that is free or taken.
#pragma once

#include <filesystem>

namespace bascule {

/// Renames `fresh` to `target`, which is absent or an empty directory. Returns durably. Throws
/// Error{user} when something appeared there.
void move_directory(const std::filesystem::path& fresh, const std::filesystem::path& target);

/// Puts `fresh` in the place of the directory `target` and removes the old one last. Exchanges the
/// two names in one step where the file system can (`may_exchange`); elsewhere the old directory is
/// renamed to `aside` first, from where restore_directory() brings it back after a crash.
void replace_directory(const std::filesystem::path& fresh, const std::filesystem::path& target,
                       const std::filesystem::path& aside, bool may_exchange = true);

/// Ends what a crash within replace_directory() left: brings `aside` back if `target` is absent,
/// else removes it.
void restore_directory(const std::filesystem::path& target, const std::filesystem::path& aside);

/// Removes a directory and all in it, following no symlink. Absent is no error.
void remove_directory(const std::filesystem::path& path);

}  // namespace bascule
