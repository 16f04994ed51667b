// The names of an indexed dataset and what lies there. Free functions.
#pragma once

#include <filesystem>

namespace bascule {

/// Throws Error{user} when PREFIX.bin or PREFIX.idx exists and `overwrite` is not set, or is no
/// regular file, or when the prefix has no name.
void require_free(const std::filesystem::path& prefix, bool overwrite);

/// Gives two finished, durable files of the same file system their names, the .bin first, so that
/// an .idx never stands beside elements that are not its own. A file that is not there has got its
/// name before: what was interrupted is gone on with.
void publish_dataset(const std::filesystem::path& bin, const std::filesystem::path& idx,
                     const std::filesystem::path& prefix);

}  // namespace bascule
