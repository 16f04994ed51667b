// Hub ids and the local cache: resolve_hf() of hf_directory.h.
#include <algorithm>
#include <cstdlib>

#include "base/check.h"
#include "base/filesystem.h"
#include "base/shown.h"
#include "store/hf_directory.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

fs::path from_environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

// As huggingface_hub looks for it.
fs::path hub_cache() {
  for (const char* variable : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (fs::path cache = from_environment(variable); !cache.empty()) return cache;
  if (const fs::path home = from_environment("HF_HOME"); !home.empty()) return home / "hub";
  if (const fs::path cache = from_environment("XDG_CACHE_HOME"); !cache.empty())
    return cache / "huggingface" / "hub";
  return from_environment("HOME") / ".cache" / "huggingface" / "hub";
}

bool is_name(std::string_view text) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !text.empty() && text.size() <= 96 && text.front() != '.' && text.front() != '-' &&
         text.find_first_not_of(kAllowed) == std::string_view::npos &&
         text.find("..") == std::string_view::npos && text.find("--") == std::string_view::npos;
}

bool is_hub_id(std::string_view text) {
  const size_t slash = text.find('/');
  return slash == std::string_view::npos
             ? is_name(text)
             : is_name(text.substr(0, slash)) && is_name(text.substr(slash + 1));
}

bool is_commit(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The commit that "main" stands for, or the only one there is.
fs::path snapshot_in(const fs::path& repository) {
  const fs::path reference = repository / "refs" / "main";
  if (fs::exists(reference)) {
    std::string commit = read_small_file(reference, 256);
    commit.erase(commit.find_last_not_of(" \r\n") + 1);
    require(is_commit(commit), Kind::format, "{} holds {}, which is not a commit",
            reference.string(), shown(commit));
    return repository / "snapshots" / commit;
  }
  fs::path only;
  if (!fs::is_directory(repository / "snapshots")) return only;
  for (const fs::directory_entry& entry : fs::directory_iterator(repository / "snapshots")) {
    if (!only.empty()) return {};
    only = entry.path();
  }
  return only;
}

fs::path resolve(const std::string& text) {
  if (fs::exists(text)) return text;
  require(is_hub_id(text), Kind::user, "{} does not exist", text);
  std::string folder = "models--" + text;
  if (const size_t slash = folder.find('/'); slash != std::string::npos)
    folder.replace(slash, 1, "--");
  const fs::path repository = hub_cache() / folder;
  fs::path snapshot = snapshot_in(repository);
  if (!snapshot.empty() && fs::is_directory(snapshot)) return snapshot;
  fail(Kind::user,
       "{} is neither a path nor a model in the local cache (looked for {}); download it first: "
       "hf download {}",
       text, (snapshot.empty() ? repository : snapshot).string(), text);
}

}  // namespace

fs::path resolve_hf(const std::string& path_or_id) {
  require(!path_or_id.empty(), Kind::user, "the model's name is empty");
  return filesystem_work([&] { return resolve(path_or_id); });
}

}  // namespace bascule
