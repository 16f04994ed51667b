// Words of a command line into a verb's options.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"

namespace bascule::cli {

/// Stores what `words` say into `options`. Throws Error{user} that names what is wrong, with what
/// may have been meant.
void parse(std::string_view verb, const std::vector<Option>& options,
           const std::vector<std::string>& words);

/// Whether a word before "--" is this option.
bool mentions(const std::vector<std::string>& words, std::string_view option);

}  // namespace bascule::cli
