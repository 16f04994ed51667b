// A checkpoint's own tokenizer, in a Python process with the package tokenizers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bascule {

struct Tokenizer {
  std::filesystem::path file;  // tokenizer.json

  std::vector<int64_t> encode(const std::string& text) const;
  std::string decode(const std::vector<int64_t>& tokens) const;
};

/// Throws Error{user} where `folder` has no tokenizer.json.
Tokenizer tokenizer_in(const std::filesystem::path& folder);

}  // namespace bascule
