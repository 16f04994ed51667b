// The tokenizer that made the data's tokens, as far as training needs it. Free functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bridge/travel.h"
#include "recipe/settings.h"

namespace bascule {

/// The tokenizer's files in a directory (or a cached hub id), under their names in a checkpoint.
/// Throws Error{user} where it holds none.
std::vector<Travelling> tokenizer_files(const std::string& directory);

/// The token that ends a document: tokenizer.eod_id, or the tokenizer's own end of a sequence, as
/// Megatron takes it; -1 where no setting of the data asks for it and only files would tell. Throws
/// Error{user} where it is asked for and not known, or not one of the `vocabulary` of the model.
int64_t end_of_document(const Settings& settings, int64_t vocabulary);

}  // namespace bascule
