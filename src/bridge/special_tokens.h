// The ids of the special tokens, which a config.json that is made anew has to say: where it does
// not, transformers takes the numbers of another model. Read from what travels with the model.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "settings/tree.h"

namespace bascule {

/// Where the files that travel lie, by their names in a Hugging Face directory.
using TravellingFiles = std::map<std::string, std::filesystem::path>;

/// Adds bos_token_id, eos_token_id and pad_token_id to a config.json of a model with `vocab`
/// tokens: as an original config.json says, else generation_config.json, else as the tokenizer's
/// files name and number these tokens (null where they have none). Returns one sentence for the
/// user where nothing tells, with what is wrong with files that make no sense and so tell nothing;
/// empty where all are known.
std::string add_special_tokens(Tree& config, const TravellingFiles& files, int64_t vocab);

/// The ids that a tokenizer.json gives to tokens, each of which is a key of `ids` with -1 before.
/// Reads it as a stream: its vocabulary may be large. Throws Error{format}.
void find_token_ids(std::string_view json, const std::string& file,
                    std::map<std::string, int64_t, std::less<>>& ids);

}  // namespace bascule
