// Files that are no tensors and travel with a model: tokenizer, generation config, remote code, ...
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/commit.h"
#include "store/manifest.h"

namespace bascule {

/// A file to copy, and its name in the result.
struct Travelling {
  std::filesystem::path from;
  std::string to;
};

/// Copies files into the workspace byte for byte and adds them to the manifest. Throws
/// Error{format} when one has the name of something that is written already, or of its folder.
void copy_files(const std::vector<Travelling>& files, Workspace& workspace, Manifest& manifest);

/// Writes a small file into the workspace and adds it to the manifest.
void write_file(const std::string& name, std::string_view bytes, Workspace& workspace,
                Manifest& manifest);

/// The files below `directory`, by relative name, all of which are to travel. Throws Error{format}
/// on anything that is neither a regular file nor a directory.
std::vector<std::string> files_that_travel(const std::filesystem::path& directory);

/// Every regular file below `directory`, by relative name; nothing when it does not exist.
std::vector<std::string> files_below(const std::filesystem::path& directory);

}  // namespace bascule
