// The token that ends a sequence, and with it a document, as a tokenizer's files say. A free
// function.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace bascule {

/// The end of a sequence as the tokenizer in `directory` has it, else as config.json there does
/// where that is one token; none where neither says it. Throws Error{format} for a file that is no
/// JSON.
std::optional<int64_t> end_of_sequence(const std::filesystem::path& directory);

}  // namespace bascule
