#include "store/hf_index.h"

#include <algorithm>
#include <limits>
#include <map>

#include "base/check.h"
#include "base/shown.h"
#include "store/json_events.h"
#include "store/safetensors_header.h"

namespace bascule {
namespace {

constexpr size_t kMaxShards = 10'000;
constexpr int kMaxDepth = 32;
constexpr std::string_view kShardEnding = ".safetensors";

// "/" and ".." would leave the directory.
bool is_file_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.size() <= 255 &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

// Keeps weight_map and metadata.total_size. What else people put there is passed over.
class IndexEvents final : public JsonEvents {
 public:
  explicit IndexEvents(std::string_view where) : where_(where) {}

  void begin_object() override {
    if (depth_ == 1 && top_ == "weight_map") {
      require(!map_seen_, Kind::format, "{}: weight_map is there twice", where_);
      map_seen_ = true;
    } else {
      enter();
    }
    ++depth_;
  }
  void end_object() override { --depth_; }

  void begin_array() override {
    enter();
    ++depth_;
  }
  void end_array() override { --depth_; }

  void key(std::string& text) override {
    if (depth_ == 1) top_ = text;
    key_ = std::move(text);
  }

  void string(std::string& text) override {
    if (!in_map()) return not_map();
    require(index_.tensors.size() < kMaxSafetensorsTensors, Kind::format,
            "{}: more than {} tensors", where_, kMaxSafetensorsTensors);
    index_.tensors.emplace_back(std::move(key_), file_number(text));
  }

  void natural(uint64_t number) override {
    if (depth_ == 2 && top_ == "metadata" && key_ == "total_size" &&
        number <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      index_.total_size = static_cast<int64_t>(number);
    not_map();
  }

  void other(std::string_view) override { not_map(); }

  HfIndex take() {
    require(map_seen_, Kind::format, "{}: it has no weight_map", where_);
    sort_files();
    auto& tensors = index_.tensors;
    std::sort(tensors.begin(), tensors.end());
    const auto twin = std::adjacent_find(tensors.begin(), tensors.end(),
                                         [](auto& a, auto& b) { return a.first == b.first; });
    if (twin != tensors.end())
      fail(Kind::format, "{}: tensor {} is listed twice", where_, shown(twin->first));
    return std::move(index_);
  }

 private:
  bool in_map() const { return depth_ == 2 && top_ == "weight_map"; }

  void not_map() const {
    if (in_map() || (depth_ == 1 && top_ == "weight_map"))
      fail(Kind::format, "{}: weight_map maps tensors to file names, and {} is not so", where_,
           shown(key_));
  }

  void enter() const {
    not_map();
    require(depth_ < kMaxDepth, Kind::format, "{}: nested deeper than {}", where_, kMaxDepth);
  }

  // A file of another format has another reader.
  size_t file_number(const std::string& name) {
    if (const auto known = files_.find(name); known != files_.end()) return known->second;
    if (!is_file_name(name))
      fail(Kind::format, "{}: {} for tensor {} is not the name of a file in its own folder", where_,
           shown(name), shown(key_));
    if (!name.ends_with(kShardEnding))
      fail(Kind::format, "{}: {} for tensor {} is not a .safetensors file", where_, shown(name),
           shown(key_));
    require(files_.size() < kMaxShards, Kind::format, "{}: more than {} files", where_, kMaxShards);
    return files_.emplace(name, files_.size()).first->second;
  }

  void sort_files() {
    std::vector<size_t> sorted(files_.size());
    for (const auto& [name, number] : files_) {
      sorted[number] = index_.files.size();
      index_.files.push_back(name);
    }
    for (auto& [name, file] : index_.tensors) file = sorted[file];
  }

  std::string_view where_;
  HfIndex index_;
  std::map<std::string, size_t> files_;
  std::string top_, key_;
  int depth_ = 0;
  bool map_seen_ = false;
};

}  // namespace

bool is_shard_name(std::string_view name) {
  return is_file_name(name) && name.ends_with(kShardEnding);
}

HfIndex parse_hf_index(std::string_view json, std::string_view where) {
  IndexEvents events(where);
  read_json(json, events, where);
  return events.take();
}

std::vector<std::string> check_hf_index(const HfIndex& index, const SafetensorsSource& source,
                                        std::string_view where) {
  const auto& held = source.tensors();
  auto listed = index.tensors.begin();
  for (size_t i = 0; i < held.size(); ++i) {
    const std::string& file = source.shards()[source.place(i).first].name;
    if (listed == index.tensors.end() || held[i].name < listed->first)
      fail(Kind::format, "{}: {} holds tensor {}, which the index does not list", where, file,
           shown(held[i].name));
    if (listed->first < held[i].name) break;
    if (index.files[listed->second] != file)
      fail(Kind::format, "{}: tensor {} is listed in {}, but {} holds it", where,
           shown(listed->first), index.files[listed->second], file);
    ++listed;
  }
  if (listed != index.tensors.end())
    fail(Kind::format, "{}: tensor {} is listed in {}, which does not hold it", where,
         shown(listed->first), index.files[listed->second]);

  std::vector<std::string> warnings;
  int64_t total = 0;
  for (const TensorInfo& tensor : held) total += bytes(tensor.dtype, elements(tensor.shape));
  if (index.total_size && *index.total_size != total)
    warnings.push_back(fmt::format("{}: total_size is {}, and the tensors take {} bytes", where,
                                   *index.total_size, total));
  return warnings;
}

}  // namespace bascule
