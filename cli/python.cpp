#include "cli/python.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace bascule::cli {
namespace {

namespace fs = std::filesystem;

/// The folder of this program; empty where it is not known.
fs::path program_folder() {
  std::error_code problem;
  const fs::path self = fs::read_symlink("/proc/self/exe", problem);
  return problem ? fs::path() : self.parent_path();
}

}  // namespace

std::string find_python() {
  const char* given = std::getenv("BASCULE_PYTHON");
  if (given != nullptr && *given != '\0') return given;
  const fs::path here = program_folder(), beside = here / "python3";
  return !here.empty() && ::access(beside.c_str(), X_OK) == 0 ? beside.string() : "python3";
}

void offer_package() {
  const fs::path place = program_folder() / "python";
  std::error_code ignored;
  if (!fs::exists(place / "bascule" / "__init__.py", ignored)) return;
  const char* before = std::getenv("PYTHONPATH");
  const std::string rest = before != nullptr && *before != '\0' ? ":" + std::string(before) : "";
  ::setenv("PYTHONPATH", (place.string() + rest).c_str(), 1);
}

}  // namespace bascule::cli
