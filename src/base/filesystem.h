// The standard library's file system exceptions as ours.
#pragma once

#include <filesystem>
#include <utility>

#include "base/file.h"

namespace bascule {

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
