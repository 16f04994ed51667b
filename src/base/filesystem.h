// The standard library's file system exceptions as ours.
#pragma once

#include <filesystem>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/shown.h"
#include "base/utf8.h"

namespace bascule {

/// Throws Error{format} where the path is no text, which lists of a checkpoint's files are.
inline void require_text_name(const std::filesystem::path& path) {
  require(end_of_utf8(path.native()) == path.native().size(), Kind::format,
          "{} has a name that is not UTF-8, which no list of files can hold; rename it",
          shown(path.native(), 1024));
}

/// Runs `work`, turning a std::filesystem_error into Error{environment} with the path and a remedy.
template <class Work>
decltype(auto) filesystem_work(Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const std::filesystem::filesystem_error& error) {
    fail_errno(error.code().value(), "look at", error.path1());
  }
}

}  // namespace bascule
