// Text from a file as an error message shows it: one line, short, without control characters.
#pragma once

#include <string>
#include <string_view>

namespace bascule {

/// Returns `text` in double quotes, control characters as \xNN, cut after `limit` bytes. Bytes that
/// are not UTF-8 are escaped too: a terminal gets nothing a file made up.
std::string shown(std::string_view text, size_t limit = 160);

}  // namespace bascule
