// metadata.json of an iteration's directory: which writer its files are of. A pure function.
#pragma once

#include <string_view>

namespace bascule {

/// Throws Error{unsupported} unless the text names torch_dist, version 1, and Error{format} when it
/// is no JSON or names no backend. `where` names the file.
void require_torch_dist(std::string_view json, std::string_view where);

}  // namespace bascule
