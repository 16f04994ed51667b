// What `bascule data tokenize` is told, and its run. Python's bascule.data.tokenize() stores its
// keywords by the same options.
#pragma once

#include <string>
#include <vector>

#include "bascule/reporter.h"
#include "cli/verb.h"

namespace bascule::cli {

struct Tokenizing {
  std::vector<std::string> inputs;
  std::string tokenizer, output;
  std::vector<std::string> json_keys;
  std::string sample_by = "line";
  bool append_eod = false, add_special_tokens = false, chat_template = false;
  int64_t eod_id = -1;  ///< -1: the tokenizer's own
  bool skip_bad_rows = false, overwrite = false;
  int64_t workers = 0;  ///< 0: one for each core
};

/// The options but for inputs, tokenizer and output.
std::vector<Option> tokenizing_options(Tokenizing& told);

/// With the defaults that depend on others. Throws Error{user} for what does not go together.
Tokenizing settled(Tokenizing told);

/// Runs bascule.data of the Python package, and returns the prefixes of the datasets that it made.
/// Throws its Error.
std::vector<std::string> tokenize(const Tokenizing& told, Reporter& reporter);

}  // namespace bascule::cli
