#include "store/safetensors_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/shown.h"
#include "store/safetensors_header.h"

namespace bascule {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kHeaderAlignment = 8;
constexpr size_t kNoShard = static_cast<size_t>(-1);
constexpr const char* kIndexName = "model.safetensors.index.json";

int64_t size_of(const TensorInfo& tensor) { return bytes(tensor.dtype, elements(tensor.shape)); }

Json metadata_json(const std::map<std::string, std::string>& metadata) {
  Json json = Json::object();
  for (const auto& [key, text] : metadata) json[key] = text;
  return json;
}

// Readers view the bytes as elements in place, so each tensor must begin at a multiple of its
// element's size; the header's padding sees to the first.
bool aligned(const std::vector<size_t>& order, const std::vector<TensorInfo>& tensors) {
  int64_t at = 0;
  for (const size_t tensor : order) {
    const int64_t element = std::max(1, bits(tensors[tensor].dtype) / 8);
    if (at % element != 0) return false;
    at += size_of(tensors[tensor]);
  }
  return true;
}

std::string header_of(const std::vector<size_t>& order, const std::vector<TensorInfo>& tensors,
                      const std::map<std::string, std::string>& metadata, const std::string& file) {
  Json json = Json::object();
  if (!metadata.empty()) json["__metadata__"] = metadata_json(metadata);
  std::string text = json.dump();
  text.pop_back();
  int64_t at = 0;
  for (const size_t index : order) {
    const TensorInfo& tensor = tensors[index];
    const int64_t end = at + size_of(tensor);
    if (text.size() > 1) text += ',';
    // By hand, because an ordered object would be searched whole for each of its keys.
    text += Json(tensor.name).dump();
    text += fmt::format(R"(:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})",
                        safetensors_name(tensor.dtype), Json(tensor.shape).dump(), at, end);
    at = end;
  }
  text += '}';
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  require(static_cast<int64_t>(text.size()) <= kMaxSafetensorsHeader, Kind::unsupported,
          "{} would have a header of {} bytes, at most {} are allowed; use more shards", file,
          text.size(), kMaxSafetensorsHeader);
  std::string length(8, '\0');
  for (size_t i = 0; i < length.size(); ++i) length[i] = static_cast<char>(text.size() >> 8 * i);
  return length + text;
}

// Indices of tensors, sorted by their names.
std::vector<size_t> by_name(const std::vector<TensorInfo>& tensors) {
  const auto name = [&](size_t i) -> const std::string& { return tensors[i].name; };
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, name);
  const auto twin = std::ranges::adjacent_find(order, {}, name);
  if (twin != order.end())
    fail(Kind::internal, "tensor {} is to be written twice", shown(name(*twin)));
  return order;
}

// What lies where, by the tensors' names.
std::string index_json(const std::vector<TensorInfo>& tensors, const std::vector<size_t>& sorted,
                       const std::vector<size_t>& shard_of,
                       const std::vector<SafetensorsShard>& shards, int64_t total) {
  std::string text = "{\n  \"metadata\": {\n    \"total_size\": " + std::to_string(total) +
                     "\n  },\n  \"weight_map\": {";
  const char* separator = "\n";
  for (const size_t i : sorted) {
    const std::string& file = shards[shard_of[i]].name;
    text += separator + ("    " + Json(tensors[i].name).dump() + ": " + Json(file).dump());
    separator = ",\n";
  }
  return text + "\n  }\n}\n";
}

// The tensors of shard `index` in data order; notes where each is in `shard_of`.
std::vector<size_t> order_of(const std::vector<SafetensorsShard>& shards, size_t index,
                             const std::vector<TensorInfo>& tensors,
                             const std::vector<size_t>& sorted, std::vector<size_t>& shard_of) {
  const SafetensorsShard& shard = shards[index];
  const auto name_of = [&](size_t i) -> const std::string& { return tensors[i].name; };
  std::vector<size_t> order;
  order.reserve(shard.tensors.size());
  for (const std::string& name : shard.tensors) {
    const auto at = std::ranges::lower_bound(sorted, name, {}, name_of);
    if (at == sorted.end() || name_of(*at) != name || shard_of[*at] != kNoShard)
      fail(Kind::internal, "{} is to hold tensor {}, which is unknown or in a shard already",
           shard.name, shown(name));
    order.push_back(*at);
    shard_of[*at] = index;
  }
  if (!aligned(order, tensors))
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return bits(tensors[a].dtype) > bits(tensors[b].dtype);
    });
  return order;
}

}  // namespace

std::vector<SafetensorsShard> group_shards(const std::vector<TensorInfo>& tensors, int64_t limit) {
  std::vector<SafetensorsShard> shards;
  SafetensorsShard open;
  int64_t open_bytes = 0;
  for (const TensorInfo& tensor : tensors) {
    const int64_t size = size_of(tensor);
    if (size > limit) {
      shards.push_back({"", {tensor.name}});
      continue;
    }
    if (open_bytes + size > limit) {
      shards.push_back(std::exchange(open, {}));
      open_bytes = 0;
    }
    open.tensors.push_back(tensor.name);
    open_bytes += size;
  }
  if (!open.tensors.empty() || shards.empty()) shards.push_back(std::move(open));
  for (size_t i = 0; i < shards.size(); ++i)
    shards[i].name = shards.size() == 1
                         ? "model.safetensors"
                         : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
  return shards;
}

Output safetensors_output(std::vector<TensorInfo> tensors,
                          const std::vector<SafetensorsShard>& shards,
                          const std::map<std::string, std::string>& metadata) {
  Output output;
  output.units.reserve(tensors.size());
  const std::vector<size_t> sorted = by_name(tensors);
  std::vector<size_t> shard_of(tensors.size(), kNoShard);
  int64_t total = 0;
  for (size_t file = 0; file < shards.size(); ++file) {
    const SafetensorsShard& shard = shards[file];
    const std::vector<size_t> order = order_of(shards, file, tensors, sorted, shard_of);
    auto header = std::make_shared<const Frame>(
        Frame{header_of(order, tensors, metadata, shard.name), {}, {}});
    int64_t at = 0;
    const auto add = [&](Unit unit) {
      unit.file = file;
      unit.offset = at;
      unit.frame = std::exchange(header, nullptr);  // the first unit has it
      at = unit.end();
      output.units.push_back(std::move(unit));
    };
    for (const size_t index : order) {
      Unit unit;
      unit.tensor = index;
      unit.box = whole(tensors[index].shape);
      unit.data_bytes = size_of(tensors[index]);
      total += unit.data_bytes;
      add(std::move(unit));
    }
    if (order.empty()) add({});
    output.files.push_back({shard.name, at});
  }
  for (const size_t i : sorted)
    if (shard_of[i] == kNoShard)
      fail(Kind::internal, "tensor {} is in no shard", shown(tensors[i].name));
  if (shards.size() > 1)
    output.small_files.push_back(
        {kIndexName, index_json(tensors, sorted, shard_of, shards, total)});
  output.tensors = std::move(tensors);
  return output;
}

}  // namespace bascule
