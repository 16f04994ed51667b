#include "train/tokenizer_files.h"

#include <optional>

#include "base/check.h"
#include "bridge/state.h"
#include "data/end_of_sequence.h"
#include "store/hf_directory.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::vector<Travelling> tokenizer_files(const std::string& directory) {
  const fs::path path = resolve_hf(directory);
  std::vector<Travelling> files;
  for (const HfFile& file : list_hf_directory(path).tokenizer_files)
    files.push_back({path / file.name, kTokenizerFolder + file.name});
  require(!files.empty(), Kind::user,
          "tokenizer.tokenizer_model is {}, which holds no file of a tokenizer", directory);
  return files;
}

int64_t end_of_document(const Settings& settings, int64_t vocabulary) {
  const TokenizerSettings& tokenizer = settings.tokenizer;
  const DatasetSettings& data = settings.dataset;
  const bool asked = data.reset_position_ids || data.reset_attention_mask || data.eod_mask_loss;
  const bool null = tokenizer.tokenizer_type == TokenizerType::none;  // mock data have its end, too
  if (!asked && !null) return tokenizer.eod_id.value_or(-1);
  std::optional<int64_t> id = tokenizer.eod_id;
  if (!id && null && tokenizer.vocab_size) id = *tokenizer.vocab_size - 1;
  if (!id && tokenizer.tokenizer_model) {
    id = end_of_sequence(resolve_hf(*tokenizer.tokenizer_model));
    require(id.has_value(), Kind::user,
            "the tokenizer in {} does not say which token ends a document; set tokenizer.eod_id",
            *tokenizer.tokenizer_model);
  }
  require(id && *id >= 0 && *id < vocabulary, Kind::user,
          "documents end with token {}, but the model has {} tokens; set tokenizer.eod_id",
          id.value_or(-1), vocabulary);
  return *id;
}

}  // namespace bascule
