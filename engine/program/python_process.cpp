#include "program/python_process.h"

#include <cstdlib>
#include <filesystem>

#include "base/check.h"
#include "base/file.h"
#include "base/process.h"
#include "cli/python.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

std::string ask_python(const char* program, const std::string& question,
                       const std::vector<std::string>& words, int64_t most,
                       const std::string& failure) {
  const Folder folder;
  std::vector<std::string> all = {cli::find_python(), "-c", program, folder.file("asked"),
                                  folder.file("told")};
  const std::string asked = all[3], told = all[4];
  all.insert(all.end(), words.begin(), words.end());
  File::create(asked).pwrite_all(0, as_bytes(question));
  require(run_program(all), Kind::environment, "{} {}", all[0], failure);
  return read_small_file(told, most);
}

}  // namespace bascule
