// Names out of files, checked once so that every later message may quote them as they are.
#pragma once

#include <string_view>

#include "base/check.h"
#include "base/shown.h"

namespace bascule {

/// Throws Error{format} unless `name` is 1 to 1024 bytes of printable UTF-8 without quotes.
/// `what` says whose name it is.
inline void require_plain_name(std::string_view what, std::string_view name) {
  constexpr size_t kLongest = 1024;
  const bool plain =
      !name.empty() && name.size() <= kLongest && shown(name, kLongest).size() == name.size() + 2;
  if (!plain) fail(Kind::format, "{} is named {}", what, shown(name));
}

}  // namespace bascule
