#include "program/tokenizer.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/file.h"

extern char** environ;

namespace bascule {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// Reads {"text": ...} or {"tokens": [...]} from a file and answers on stdout.
constexpr const char* kProgram =
    "import json, sys\n"
    "from tokenizers import Tokenizer\n"
    "tokenizer = Tokenizer.from_file(sys.argv[1])\n"
    "asked = json.load(open(sys.argv[2], encoding='utf-8'))\n"
    "if 'text' in asked:\n"
    "    answer = tokenizer.encode(asked['text']).ids\n"
    "else:\n"
    "    answer = tokenizer.decode(asked['tokens'], skip_special_tokens=False)\n"
    "json.dump(answer, open(sys.argv[3], 'w', encoding='utf-8'))\n";

std::string python() {
  const char* given = std::getenv("BASCULE_PYTHON");
  if (given != nullptr && *given != '\0') return given;
  return fs::exists(BASCULE_BUILD_PYTHON) ? BASCULE_BUILD_PYTHON : "python3";
}

/// A folder that goes away with its user.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "bascule-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, Kind::environment, "cannot make a folder like {}",
            name);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

Json answer(const fs::path& tokenizer, const Json& question) {
  const Folder folder;
  const std::string asked = folder.file("asked"), told = folder.file("told");
  File::create(asked).pwrite_all(0, as_bytes(question.dump()));
  const std::string program = python(), file = tokenizer.string();
  const char* words[] = {program.c_str(), "-c",         kProgram, file.c_str(),
                         asked.c_str(),   told.c_str(), nullptr};
  pid_t child = 0;
  const int error =
      ::posix_spawnp(&child, program.c_str(), nullptr, nullptr, const_cast<char**>(words), environ);
  int status = 0;
  const bool ran = error == 0 && ::waitpid(child, &status, 0) == child && status == 0;
  require(ran, Kind::environment,
          "{} could not run the tokenizer {}; it needs the package tokenizers: name a Python that "
          "has it in BASCULE_PYTHON, or give --tokens",
          program, file);
  return Json::parse(read_small_file(told, int64_t{64} << 20));
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
