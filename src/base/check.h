// Raising errors: fixed text first, values last, a remedy where one is known.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "bascule/error.h"

namespace bascule {

template <class... Args>
[[noreturn]] void fail(Kind kind, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(kind, fmt::format(text, std::forward<Args>(args)...));
}

/// Throws Error unless `condition` holds. The arguments are evaluated in any case: keep them cheap.
template <class... Args>
void require(bool condition, Kind kind, fmt::format_string<Args...> text, Args&&... args) {
  if (!condition) [[unlikely]]
    throw Error(kind, fmt::format(text, std::forward<Args>(args)...));
}

/// Runs `work`, adding `doing` as context to any Error it throws.
template <class Work>
decltype(auto) in_context(const std::string& doing, Work&& work) {
  try {
    return work();
  } catch (const Error& e) {
    throw e.within(doing);
  }
}

}  // namespace bascule
