#include "store/manifest.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/check.h"
#include "base/filesystem.h"
#include "base/interrupt.h"
#include "base/shown.h"
#include "base/workers.h"
#include "store/json_events.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 100'000;
constexpr uint64_t kMaxBytes = uint64_t{1} << 62;  // of all files
constexpr size_t kBufferBytes = size_t{1} << 20;

bool stays_inside(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && name.find('\0') == std::string::npos && path.is_relative() &&
         path.has_filename() && path.lexically_normal() == path && *path.begin() != "..";
}

class ManifestEvents final : public JsonEvents {
 public:
  explicit ManifestEvents(std::string_view where) : where_(where) {}

  void begin_object() override {
    if (depth_ > 2 || (depth_ == 1 && key_ != "files")) wrong("an object");
    ++depth_;
    key_.clear();
    seen_.clear();
  }

  void end_object() override {
    --depth_;
    if (depth_ == 2 && seen_.size() != 2)
      fail(Kind::format, "{}: {} lacks its size or its xxh3_128", where_, shown(file_->first));
    if (depth_ == 1) files_seen_ = true;
  }

  void begin_array() override { wrong("a list"); }
  void end_array() override {}

  void key(std::string& text) override {
    key_ = text;
    if (depth_ == 2) return begin_file(text);
    const bool known =
        depth_ == 1 ? text == "version" || text == "files" : text == "size" || text == "xxh3_128";
    require(known, Kind::format, "{}: the key {} is unknown", where_, shown(text));
    const bool twice = std::find(seen_.begin(), seen_.end(), text) != seen_.end() ||
                       (depth_ == 1 && (text == "version" ? version_seen_ : files_seen_));
    require(!twice, Kind::format, "{}: the key {} is there twice", where_, shown(text));
    seen_.push_back(text);
  }

  void string(std::string& text) override {
    if (depth_ != 3 || key_ != "xxh3_128") wrong(shown(text));
    file_->second.hash = in_context(std::string(where_), [&] { return hash_from_hex(text); });
  }

  void natural(uint64_t number) override {
    if (depth_ == 1 && key_ == "version") {
      require(number == 1, Kind::format, "{}: version {}, and only 1 is known; use a newer release",
              where_, number);
      version_seen_ = true;
    } else if (depth_ == 3 && key_ == "size" && number <= kMaxBytes - total_) {
      file_->second.size = static_cast<int64_t>(number);
      total_ += number;
    } else {
      wrong(std::to_string(number));
    }
  }

  void other(std::string_view text) override { wrong(text); }

  Manifest take() {
    require(version_seen_ && files_seen_, Kind::format, "{}: it lacks its version or its files",
            where_);
    return std::move(manifest_);
  }

 private:
  [[noreturn]] void wrong(std::string_view what) const {
    fail(Kind::format, "{}: {} is not expected at {}", where_, what, shown(key_));
  }

  void begin_file(const std::string& name) {
    if (!stays_inside(name))
      fail(Kind::format, "{}: the name {} leaves the directory", where_, shown(name));
    require(manifest_.files.size() < kMaxFiles, Kind::format, "{}: more than {} files", where_,
            kMaxFiles);
    bool fresh = false;
    std::tie(file_, fresh) = manifest_.files.try_emplace(name);
    if (!fresh) fail(Kind::format, "{}: {} is there twice", where_, shown(name));
  }

  std::string_view where_;
  Manifest manifest_;
  std::map<std::string, Manifest::Entry>::iterator file_;
  std::string key_;
  std::vector<std::string> seen_;  // keys of the innermost object
  uint64_t total_ = 0;             // of the sizes
  int depth_ = 0;
  bool version_seen_ = false, files_seen_ = false;
};

Manifest::Entry describe(const File& file, int64_t size, std::span<std::byte> buffer,
                         Reporter& reporter) {
  Hasher hasher;
  for (int64_t at = 0; at < size;) {
    check_interrupt();
    const int64_t step = std::min<int64_t>(size - at, static_cast<int64_t>(buffer.size()));
    const auto part = buffer.first(static_cast<size_t>(step));
    file.pread_exact(at, part);
    hasher.update(part);
    reporter.advance(step);
    at += step;
  }
  return {size, hasher.hash()};
}

std::string problem_of(const fs::path& path, const std::string& name, const Manifest::Entry& entry,
                       std::span<std::byte> buffer, Reporter& reporter) {
  if (!fs::exists(path)) return fmt::format("{} is absent", name);
  const File file = File::open(path);
  const int64_t size = file.size();
  if (size != entry.size)
    return fmt::format("{} is {} bytes long instead of {}", name, size, entry.size);
  const Hash hash = describe(file, size, buffer, reporter).hash;
  if (hash != entry.hash)
    return fmt::format("{} holds other bytes: XXH3-128 {} instead of {}", name, hash.hex(),
                       entry.hash.hex());
  return {};
}

void note_unlisted(const fs::path& directory, const Manifest& manifest, Reporter& reporter) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_directory()) continue;
    const std::string name = entry.path().lexically_relative(directory).generic_string();
    if (name != kManifestName && !manifest.files.contains(name))
      reporter.note(fmt::format("{} is not in the manifest and was not checked", name));
  }
}

}  // namespace

std::string to_json(const Manifest& manifest) {
  nlohmann::ordered_json json;
  json["version"] = 1;
  nlohmann::json files = nlohmann::json::object();
  for (const auto& [name, entry] : manifest.files)
    files[name] = {{"size", entry.size}, {"xxh3_128", entry.hash.hex()}};
  json["files"] = files;
  return json.dump(2) + "\n";
}

Manifest parse_manifest(std::string_view json, std::string_view where) {
  ManifestEvents events(where);
  read_json(json, events, where);
  return events.take();
}

Manifest::Entry describe_file(const fs::path& path, Reporter& reporter) {
  const File file = File::open(path);
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kBufferBytes);
  return describe(file, file.size(), {buffer.get(), kBufferBytes}, reporter);
}

std::vector<std::string> check(const fs::path& directory, const Manifest& manifest,
                               Reporter& reporter, int threads) {
  std::vector<const std::pair<const std::string, Manifest::Entry>*> files;
  int64_t total = 0;
  for (const auto& file : manifest.files) {
    files.push_back(&file);
    total += file.second.size;
  }
  reporter.phase("checking the manifest", total);
  // The largest first, so that the threads end together.
  std::stable_sort(files.begin(), files.end(),
                   [](auto a, auto b) { return a->second.size > b->second.size; });
  std::map<std::string, std::string> problems;
  std::mutex mutex;
  std::vector<std::unique_ptr<std::byte[]>> buffers(static_cast<size_t>(std::max(1, threads)));
  parallel(threads, files.size(), [&](size_t index, int worker) {
    auto& buffer = buffers[static_cast<size_t>(worker)];
    if (!buffer) buffer = std::make_unique_for_overwrite<std::byte[]>(kBufferBytes);
    const auto& [name, entry] = *files[index];
    std::string problem = filesystem_work([&, &name = name, &entry = entry] {
      return problem_of(directory / name, name, entry, {buffer.get(), kBufferBytes}, reporter);
    });
    if (problem.empty()) return;
    const std::lock_guard lock(mutex);
    problems.emplace(name, std::move(problem));
  });
  filesystem_work([&] { note_unlisted(directory, manifest, reporter); });
  std::vector<std::string> sentences;
  sentences.reserve(problems.size());
  for (auto& [name, problem] : problems) sentences.push_back(std::move(problem));
  return sentences;
}

}  // namespace bascule
