#include "store/torch_dist/torch_dist_output.h"

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_set>

#include "base/check.h"
#include "store/torch_dist/chunk_grid.h"
#include "store/torch_dist/dcp_metadata.h"
#include "store/torch_dist/tensor_pickle.h"
#include "store/torch_dist/torch_dist_source.h"
#include "store/torch_dist/torch_file.h"

namespace bascule {
namespace {

using pickle::Value;

// As megatron-core 0.16.1 writes it, to the byte; a newer one ignores the last two keys.
constexpr std::string_view kMetadataJson =
    R"({"sharded_backend": "torch_dist", "sharded_backend_version": 1, )"
    R"("common_backend": "torch", "common_backend_version": 1})";
constexpr int64_t kLargestChunk = (int64_t{4} << 30) - (int64_t{1} << 20);

void require_request(const TorchDistRequest& request) {
  require(request.files > 0, Kind::internal, "{} data files to write", request.files);
  require(request.chunk_limit > 0 && request.chunk_limit <= kLargestChunk, Kind::user,
          "a limit of {} bytes a chunk; 1 to {} are possible", request.chunk_limit, kLargestChunk);
  require(request.common.type() == pickle::Type::dict, Kind::internal,
          "the common state is a {}, not a dict", pickle::name(request.common.type()));
  std::unordered_set<std::string_view> names;
  for (const TorchDistTensor& tensor : request.tensors)
    require(!tensor.info.name.empty() && names.insert(tensor.info.name).second, Kind::internal,
            "tensor \"{}\" is to be written twice, or has no name", tensor.info.name);
  std::vector<std::string_view> objects(request.extra_states.begin(), request.extra_states.end());
  for (const auto& [name, archive] : request.objects) objects.push_back(name);
  for (const std::string_view name : objects) {
    // megatron-core takes a key apart at its only slash.
    require(name.find("/shard_") != name.npos && name.find('/') == name.rfind('/'), Kind::internal,
            "object \"{}\" has no name of the form KEY/shard_OFFSET_COUNT", name);
    require(names.insert(name).second, Kind::internal, "object \"{}\" is to be written twice",
            name);
  }
}

// Cuts a chunk along its first dimension with more than one index until no part exceeds `limit`.
void split(Box chunk, DType dtype, int64_t limit, std::vector<Box>& parts) {
  const int64_t size = bytes(dtype, elements(chunk.extent));
  const auto cut = std::ranges::find_if(chunk.extent, [](int64_t extent) { return extent > 1; });
  if (size <= limit || cut == chunk.extent.end()) {
    parts.push_back(std::move(chunk));
    return;
  }
  const auto d = static_cast<size_t>(cut - chunk.extent.begin());
  const int64_t rows = std::max<int64_t>(1, limit / (size / chunk.extent[d]));
  for (int64_t done = 0; done < chunk.extent[d]; done += rows) {
    Box part = chunk;
    part.at[d] += done;
    part.extent[d] = std::min(rows, chunk.extent[d] - done);
    split(std::move(part), dtype, limit, parts);
  }
}

// The state of a Transformer Engine module that has none: [tensor([], dtype=uint8)].
std::string empty_extra_state() {
  TorchFile file("archive");
  file.pickle().begin_list();
  write_tensor(file.pickle(), DType::u8, {0}, file.add_storage(""));
  file.pickle().end_list();
  return file.finish();
}

// Fills data files from front to back, keeping them of similar size.
class Files {
 public:
  Files(int count, size_t units) : sizes_(static_cast<size_t>(count), 0) { units_.reserve(units); }

  /// Appends a unit to file `file` and returns where it lies.
  BlobPlace add(size_t file, Unit unit) {
    unit.file = file;
    unit.offset = sizes_[file];
    sizes_[file] = unit.end();
    const BlobPlace place{static_cast<uint32_t>(file), unit.offset, sizes_[file] - unit.offset};
    units_.push_back(std::move(unit));
    return place;
  }

  size_t smallest() const {
    return static_cast<size_t>(std::ranges::min_element(sizes_) - sizes_.begin());
  }

  /// Moves everything into `output`. Files without units come last, and are left out.
  void move_to(Output& output) {
    std::ranges::sort(units_, {},
                      [](const Unit& unit) { return std::pair(unit.file, unit.offset); });
    const size_t used = units_.empty() ? 0 : units_.back().file + 1;
    for (size_t i = 0; i < used; ++i)
      output.files.push_back({fmt::format("__0_{}.distcp", i), sizes_[i]});
    output.units = std::move(units_);
  }

 private:
  std::vector<Unit> units_;
  std::vector<int64_t> sizes_;
};

BlobPlace add_object(Files& files, std::string blob) {
  Unit unit;
  unit.frame = std::make_shared<const Frame>(Frame{std::move(blob), {}, {}});
  return files.add(0, std::move(unit));
}

// The archives around chunks: alike for all of one dtype and extent.
class Frames {
 public:
  const std::shared_ptr<const Frame>& of(DType dtype, const Shape& extent) {
    std::shared_ptr<const Frame>& frame = known_[{dtype, extent}];
    if (!frame) {
      pickle::Writer pickle;
      write_tensor(pickle, dtype, extent, "0");
      frame = std::make_shared<const Frame>(
          tensor_frame(pickle.finish(), bytes(dtype, elements(extent))));
    }
    return frame;
  }

 private:
  std::map<std::pair<DType, Shape>, std::shared_ptr<const Frame>> known_;
};

void require_tiling(const DcpTensor& tensor) {
  try {
    ChunkGrid{tensor};
  } catch (const Error& error) {
    fail(Kind::internal, "the chunks to write are wrong: {}", error.message());
  }
}

/// Lays out tensor `index` of the request, whose chunks it takes.
DcpTensor add_tensor(Files& files, Frames& frames, size_t index, TorchDistRequest& request) {
  TorchDistTensor& wanted = request.tensors[index];
  DcpTensor tensor{wanted.info.name, wanted.info.dtype, wanted.info.shape, {}, {}, {}};
  std::vector<Box> parts;
  parts.reserve(wanted.chunks.size());
  for (Box& chunk : wanted.chunks) {
    if (chunk.at.size() != tensor.shape.size() || chunk.extent.size() != tensor.shape.size())
      fail(Kind::internal, "{}: a chunk at {} of a tensor of shape {}", tensor.name,
           to_string(chunk.at), to_string(tensor.shape));
    split(std::move(chunk), tensor.dtype, request.chunk_limit, parts);
  }
  wanted.chunks = {};
  tensor.offsets.reserve(parts.size() * tensor.shape.size());
  tensor.sizes.reserve(parts.size() * tensor.shape.size());
  for (const Box& part : parts) {
    std::ranges::copy(part.at, std::back_inserter(tensor.offsets));
    std::ranges::copy(part.extent, std::back_inserter(tensor.sizes));
  }
  tensor.places.resize(parts.size());
  require_tiling(tensor);
  for (size_t i = 0; i < parts.size(); ++i) {
    Unit unit;
    unit.frame = frames.of(tensor.dtype, parts[i].extent);
    unit.tensor = index;
    unit.data_bytes = bytes(tensor.dtype, elements(parts[i].extent));
    unit.box = std::move(parts[i]);
    tensor.places[i] = files.add(files.smallest(), std::move(unit));
  }
  return tensor;
}

}  // namespace

Value common_state(int64_t iteration) {
  return Value::dict({
      {"checkpoint_version", 3.0},
      {"iteration", iteration},
      {"content_metadata", Value::dict({
                               {"singleton_local_shards", false},
                               {"chained_optim_avoid_prefix", true},
                           })},
  });
}

Output torch_dist_output(TorchDistRequest request) {
  require_request(request);
  size_t chunks = request.objects.size() + 2;
  for (const TorchDistTensor& tensor : request.tensors) chunks += tensor.chunks.size();
  Files files(request.files, chunks);
  Frames frames;
  DcpMetadata metadata;
  if (!request.extra_states.empty()) {
    const BlobPlace shared = add_object(files, empty_extra_state());
    metadata.objects.reserve(request.extra_states.size());
    for (std::string& name : request.extra_states)
      metadata.objects.push_back({std::move(name), shared});
    request.extra_states = {};
  }
  for (const auto& [name, archive] : request.objects)
    metadata.objects.push_back({name, add_object(files, archive)});
  if (request.compat == TorchDistCompat::wide)
    metadata.objects.push_back(
        {std::string(kCommonObject),
         add_object(files, torch_file("archive", Value::list({request.common})))});
  Output output;
  for (size_t i = 0; i < request.tensors.size(); ++i) {
    output.tensors.push_back(request.tensors[i].info);
    metadata.tensors.push_back(add_tensor(files, frames, i, request));
  }
  files.move_to(output);
  for (const OutputFile& file : output.files) metadata.files.push_back(file.name);
  // One by one: a list would be copied, and .metadata may have megabytes.
  output.small_files.push_back({".metadata", write_dcp_metadata(metadata)});
  output.small_files.push_back({"metadata.json", std::string(kMetadataJson)});
  output.small_files.push_back({"common.pt", torch_file("common", request.common)});
  output.small_files.push_back({"train_state.pt", train_state_archive(request.train_state)});
  return output;
}

}  // namespace bascule
