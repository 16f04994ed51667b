#include "cli/engine.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "base/check.h"

namespace bascule::cli {
namespace {

constexpr const char* kName = "bascule-engine";

bool can_run(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::vector<std::filesystem::path> engine_places() {
  std::vector<std::filesystem::path> places;
  std::error_code problem;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", problem);
  if (!problem) {
    const std::filesystem::path here = self.parent_path();
    places.push_back(here / kName);
    places.push_back(here.parent_path() / "libexec" / "bascule" / kName);
    places.push_back(here.parent_path() / "engine" / kName);
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  // An entry that is empty or relative means the current folder, whose files we do not trust.
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty() && folder.front() == '/')
      places.push_back(std::filesystem::path(folder) / kName);
  return places;
}

std::filesystem::path find_engine() {
  for (const auto& place : engine_places())
    if (can_run(place)) return place;
  return {};
}

void exec_engine(const Verb& verb, const std::vector<std::string>& words) {
  const std::string engine = find_engine().string();
  if (engine.empty()) return;
  std::vector<std::string> all = {engine, std::string(verb.name)};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> pointers;
  pointers.reserve(all.size() + 1);
  for (std::string& word : all) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  for (const int ignored : {SIGPIPE, SIGXFSZ}) ::signal(ignored, SIG_DFL);
  ::execv(engine.c_str(), pointers.data());
  fail(Kind::environment, "cannot run {}: {}", engine, std::strerror(errno));
}

void refuse_without_engine(const Verb& verb) {
  fail(Kind::unsupported,
       "\"{}\" runs in {}, which is neither beside this program nor on PATH; build it with: cmake "
       "--preset engine && cmake --build build/engine, or in the Python package, where torch is: "
       "pip install --no-build-isolation '.[train]'",
       verb.name, kName);
}

}  // namespace bascule::cli
