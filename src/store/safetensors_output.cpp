#include "store/safetensors_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"
#include "base/shown.h"
#include "store/safetensors_header.h"

namespace bascule {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kHeaderAlignment = 8;
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

std::string index_json(const std::map<std::string, std::string>& files, int64_t total) {
  std::string text = "{\n  \"metadata\": {\n    \"total_size\": " + std::to_string(total) +
                     "\n  },\n  \"weight_map\": {";
  const char* separator = "\n";
  for (const auto& [tensor, file] : files) {
    text += separator + ("    " + Json(tensor).dump() + ": " + Json(file).dump());
    separator = ",\n";
  }
  return text + "\n  }\n}\n";
}

// The shard's tensors as indices, in data order, each taken out of `unplaced`.
std::vector<size_t> order_of(const SafetensorsShard& shard, const std::vector<TensorInfo>& tensors,
                             std::map<std::string, size_t>& unplaced) {
  std::vector<size_t> order;
  order.reserve(shard.tensors.size());
  for (const std::string& name : shard.tensors) {
    const auto at = unplaced.find(name);
    if (at == unplaced.end())
      fail(Kind::internal, "{} is to hold tensor {}, which is unknown or in a shard already",
           shard.name, shown(name));
    order.push_back(at->second);
    unplaced.erase(at);
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
  std::map<std::string, size_t> unplaced;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (!unplaced.emplace(tensors[i].name, i).second)
      fail(Kind::internal, "tensor {} is to be written twice", shown(tensors[i].name));
  std::map<std::string, std::string> file_of;
  int64_t total = 0;
  for (const SafetensorsShard& shard : shards) {
    const std::vector<size_t> order = order_of(shard, tensors, unplaced);
    auto header = std::make_shared<const Frame>(
        Frame{header_of(order, tensors, metadata, shard.name), {}, {}});
    const size_t file = output.files.size();
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
      file_of[tensors[index].name] = shard.name;
      add(std::move(unit));
    }
    if (order.empty()) add({});
    output.files.push_back({shard.name, at});
  }
  if (!unplaced.empty())
    fail(Kind::internal, "tensor {} is in no shard", shown(unplaced.begin()->first));
  output.tensors = std::move(tensors);
  if (shards.size() > 1) output.small_files.push_back({kIndexName, index_json(file_of, total)});
  return output;
}

}  // namespace bascule
