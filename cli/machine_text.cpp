#include "cli/machine_text.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace bascule::cli {
namespace {

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool version_like(const std::string& word) {
  return word.find('.') != std::string::npos &&
         word.find_first_not_of("0123456789.") == std::string::npos;
}

/// Whether `path` is `folder` or lies below it.
bool below(const std::string& path, const std::string& folder) {
  if (folder == "/") return true;
  return path.rfind(folder, 0) == 0 && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

int64_t meminfo_bytes(const std::string& meminfo, const std::string& field) {
  std::istringstream lines(meminfo);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(field + ":", 0) == 0)
      return int64_t{1024} * std::atoll(line.c_str() + field.size() + 1);
  return -1;
}

std::string file_system_of(const std::string& mountinfo, const std::string& path) {
  std::string best, type;
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    // 36 35 98:0 /root /mounted/at rw,noatime master:1 - ext4 /dev/sda1 rw
    std::istringstream fields(line);
    std::string skipped, folder, word;
    fields >> skipped >> skipped >> skipped >> skipped >> folder;
    while (fields >> word && word != "-") continue;
    // Of two mounts on one folder the later one is seen.
    if (fields >> word && below(path, folder) && folder.size() >= best.size()) {
      best = folder;
      type = word;
    }
  }
  return type;
}

std::vector<Gpu> gpus_from_smi(const std::string& lines) {
  std::vector<Gpu> gpus;
  std::istringstream all(lines);
  for (std::string line; std::getline(all, line);) {
    const size_t comma = line.find_last_of(',');
    if (comma == std::string::npos) continue;
    const int64_t mebibytes = std::atoll(line.c_str() + comma + 1);
    gpus.push_back(
        {.name = trimmed(line.substr(0, comma)), .memory = mebibytes > 0 ? mebibytes << 20 : -1});
  }
  return gpus;
}

std::string driver_version(const std::string& text) {
  std::istringstream words(text.substr(0, text.find('\n')));
  for (std::string word; words >> word;)
    if (version_like(word)) return word;
  return {};
}

std::string gpu_model(const std::string& information) {
  const std::string field = "Model:";
  const size_t at = information.find(field);
  if (at == std::string::npos) return "unknown";
  const size_t start = at + field.size();
  return trimmed(information.substr(start, information.find('\n', start) - start));
}

}  // namespace bascule::cli
