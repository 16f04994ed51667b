// A small torch_dist checkpoint described field by field, so that each field can lie.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/torch_dist/pickle.h"
#include "store/torch_dist/tensor_pickle.h"
#include "store/torch_dist/torch_file.h"
#include "unit/base/temporary_directory.h"

namespace bascule {

struct FakeCheckpoint {
  using Value = pickle::Value;

  struct Chunk {
    Shape at, extent;
    std::string blob = {};                            // empty: a true one
    std::optional<int64_t> offset = {}, length = {};  // absent: the true ones
    bool stored = true;
  };

  std::string metadata_json = R"({"sharded_backend": "torch_dist", "sharded_backend_version": 1})";
  std::string name = "weight", listed_class = "TensorStorageMetadata";
  Shape shape = {4, 3};
  Value dtype = Value::global("torch", "bfloat16"), layout = "torch.strided";
  std::vector<Chunk> chunks = {{{0, 0}, {2, 3}}, {{2, 0}, {2, 3}}};
  std::string path = "__0_0.distcp", stored_name = {};
  Value transforms = {};
  std::vector<std::pair<Value, Value>> more_listed = {}, more_stored = {};
  bool listed = true, stored = true;
  int64_t missing_bytes = 0;  // of the data file

  static Value size(const Shape& extents) {
    std::vector<Value> members(extents.begin(), extents.end());
    return Value::reduced(Value::global("torch", "Size"), Value::tuple({Value::tuple(members)}));
  }

  static Value record(const char* cls, const std::vector<std::pair<Value, Value>>& fields) {
    return Value::object(Value::global("torch.distributed.checkpoint.metadata", cls),
                         Value::tuple({}), Value::dict(fields));
  }

  static std::string blob(DType dtype, const Shape& extent, const std::string& data) {
    pickle::Writer pickle;
    write_tensor(pickle, dtype, extent, "0");
    const Frame frame = tensor_frame(pickle.finish(), static_cast<int64_t>(data.size()));
    return frame.before + data + frame.after;
  }

  static Value info(const std::string& path, int64_t offset, int64_t length) {
    return record("_StorageInfo",
                  {{"relative_path", path}, {"offset", offset}, {"length", length}});
  }

  /// Writes the directory; element bytes are '0', '1', ... by chunk.
  void write(const std::filesystem::path& directory) const {
    std::string data;
    std::vector<Value> listed_chunks;
    std::vector<std::pair<Value, Value>> storage = more_stored;
    for (size_t i = 0; i < chunks.size(); ++i) {
      const Chunk& chunk = chunks[i];
      std::string bytes = chunk.blob;
      if (bytes.empty()) {
        double count = 2;
        for (const int64_t extent : chunk.extent) count *= static_cast<double>(extent);
        const bool writable = count >= 0 && count < 1000;
        bytes = blob(
            DType::bf16, writable ? chunk.extent : Shape{0},
            std::string(static_cast<size_t>(writable ? count : 0), static_cast<char>('0' + i)));
      }
      listed_chunks.push_back(record("ChunkStorageMetadata",
                                     {{"offsets", size(chunk.at)}, {"sizes", size(chunk.extent)}}));
      std::vector<std::pair<Value, Value>> place = {
          {"relative_path", path},
          {"offset", chunk.offset.value_or(static_cast<int64_t>(data.size()))},
          {"length", chunk.length.value_or(static_cast<int64_t>(bytes.size()))}};
      if (!transforms.is_none()) place.emplace_back("transform_descriptors", transforms);
      if (chunk.stored)
        storage.emplace_back(
            record("MetadataIndex", {{"fqn", stored_name.empty() ? name : stored_name},
                                     {"index", Value()},
                                     {"offset", size(chunk.at)}}),
            record("_StorageInfo", place));
      data += bytes;
    }
    const Value layout_value =
        Value::reduced(Value::global("torch.serialization", "_get_layout"), Value::tuple({layout}));
    const Value properties =
        Value::object(Value::global("torch.distributed.checkpoint.metadata", "TensorProperties"),
                      Value::tuple({}), Value::tuple({dtype, layout_value, false, Value(), false}));
    std::vector<std::pair<Value, Value>> tensors = more_listed;
    tensors.emplace_back(name,
                         record(listed_class.c_str(), {{"properties", properties},
                                                       {"size", size(shape)},
                                                       {"chunks", Value::list(listed_chunks)}}));
    std::vector<std::pair<Value, Value>> fields;
    if (listed) fields.emplace_back("state_dict_metadata", Value::dict(tensors));
    if (stored) fields.emplace_back("storage_data", Value::dict(storage));
    put(directory / ".metadata", pickle::encode(record("Metadata", fields)));
    put(directory / "metadata.json", metadata_json);
    data.resize(data.size() - static_cast<size_t>(missing_bytes));
    put(directory / "__0_0.distcp", data);
  }
};

}  // namespace bascule
