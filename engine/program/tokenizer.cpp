#include "program/tokenizer.h"

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "program/python_process.h"

namespace bascule {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// Reads {"text": ...} or {"tokens": [...]}.
constexpr const char* kProgram =
    "import json, sys\n"
    "from tokenizers import Tokenizer\n"
    "tokenizer = Tokenizer.from_file(sys.argv[3])\n"
    "asked = json.load(open(sys.argv[1], encoding='utf-8'))\n"
    "if 'text' in asked:\n"
    "    answer = tokenizer.encode(asked['text']).ids\n"
    "else:\n"
    "    answer = tokenizer.decode(asked['tokens'], skip_special_tokens=False)\n"
    "json.dump(answer, open(sys.argv[2], 'w', encoding='utf-8'))\n";

Json answer(const fs::path& tokenizer, const Json& question) {
  constexpr int64_t kMost = int64_t{64} << 20;
  const std::string file = tokenizer.string();
  return Json::parse(
      ask_python(kProgram, question.dump(), {file}, kMost,
                 "could not run the tokenizer " + file +
                     "; it needs the package tokenizers: name a Python that has it in "
                     "BASCULE_PYTHON, or give --tokens"));
}

}  // namespace

std::vector<int64_t> Tokenizer::encode(const std::string& text) const {
  return answer(file, {{"text", text}}).get<std::vector<int64_t>>();
}

std::string Tokenizer::decode(const std::vector<int64_t>& tokens) const {
  return answer(file, {{"tokens", tokens}}).get<std::string>();
}

Tokenizer tokenizer_in(const fs::path& folder) {
  std::error_code ignored;
  require(fs::exists(folder / "tokenizer.json", ignored), Kind::user,
          "{} has no tokenizer.json; give the prompt as numbers with --tokens", folder.string());
  return {folder / "tokenizer.json"};
}

}  // namespace bascule
