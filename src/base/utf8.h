// Whether bytes are text.
#pragma once

#include <cstddef>
#include <string_view>

namespace bascule {

/// Where the text stops being UTF-8 (RFC 3629) without zero bytes; its length if it does not.
size_t end_of_utf8(std::string_view text);

}  // namespace bascule
