// Finding one iteration in a Megatron checkpoint root.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.h"
#include "base/file.h"
#include "base/shown.h"
#include "bridge/opened.h"
#include "store/torch_dist/other_formats.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTracker = "latest_checkpointed_iteration.txt";
constexpr std::string_view kPrefix = "iter_";

/// Where an iteration stands among others: by its number; a release behind all, what has no number
/// before them.
int64_t place_of(const std::string& name) {
  if (name == "release") return std::numeric_limits<int64_t>::max();
  int64_t number = 0;
  const std::string_view digits = std::string_view(name).substr(kPrefix.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? number : -1;
}

/// Names of the iterations in a root, the newest last.
std::vector<std::string> iterations(const fs::path& root) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root, ignored)) {
    const std::string name = entry.path().filename();
    if ((name.starts_with(kPrefix) || name == "release") && entry.is_directory(ignored))
      names.push_back(name);
  }
  std::ranges::sort(names, {},
                    [](const std::string& name) { return std::pair(place_of(name), name); });
  return names;
}

}  // namespace

std::string iteration_in(std::string text, const std::string& file) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text == "release") return text;
  int64_t iteration = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), iteration);
  require(error == std::errc() && end == text.data() + text.size() && iteration >= 0, Kind::format,
          "{}: {} is no iteration; expected a number or \"release\"", file, shown(text));
  return fmt::format("iter_{:07}", iteration);
}

std::optional<int64_t> tracked_iteration(const fs::path& root) {
  const fs::path tracker = root / kTracker;
  std::error_code ignored;
  if (!fs::exists(tracker, ignored)) return {};
  try {
    const std::string name = iteration_in(read_small_file(tracker, 64), tracker.string());
    if (name == "release") return {};
    return std::stoll(name.substr(kPrefix.size()));
  } catch (const Error&) {
    return {};
  }
}

bool is_megatron(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) &&
         (is_torch_dist(path) || fs::exists(path / kTracker, ignored) ||
          !iterations(path).empty() || is_torch_dist(path / "weights") ||
          other_format(path) != OtherFormat::none);
}

fs::path iteration_directory(const fs::path& path) {
  std::error_code ignored;
  require(fs::exists(path, ignored), Kind::user, "{} does not exist", path.string());
  if (is_torch_dist(path)) return path;
  refuse_other_format(path);
  if (is_torch_dist(path / "weights")) return path / "weights";  // NeMo 2
  if (fs::exists(path / kTracker, ignored)) {
    const fs::path tracker = path / kTracker;
    const std::string name = iteration_in(read_small_file(tracker, 64), tracker.string());
    require(fs::is_directory(path / name, ignored), Kind::format,
            "{}: {} names {}, which does not exist; give an iteration's directory", path.string(),
            kTracker, name);
    return path / name;
  }
  const auto names = iterations(path);
  if (names.empty() && fs::exists(path / "metadata.json", ignored)) return path;  // not complete
  require(!names.empty(), Kind::user,
          "{} is no Megatron checkpoint: it has neither {} nor iter_* directories", path.string(),
          kTracker);
  return path / names.back();
}

}  // namespace bascule
