// Directories that are made where they are missing.
#pragma once

#include <filesystem>
#include <vector>

namespace bascule {

/// Throws Error{environment}, naming the path.
void make_directories(const std::filesystem::path& path);

/// Also makes the names of those that it makes durable, which a power cut takes away otherwise.
/// Returns these, the innermost last.
std::vector<std::filesystem::path> make_durable_directories(const std::filesystem::path& path);

/// Removes those of them, from the last on, in which nothing lies.
void remove_empty(const std::vector<std::filesystem::path>& made);

}  // namespace bascule
