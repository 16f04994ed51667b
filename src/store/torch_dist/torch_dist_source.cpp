#include "store/torch_dist/torch_dist_source.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/check.h"
#include "base/file.h"
#include "base/filesystem.h"
#include "store/box_read.h"
#include "store/torch_dist/backend.h"
#include "store/torch_dist/chunk_grid.h"
#include "store/torch_dist/data_files.h"
#include "store/torch_dist/dcp_metadata.h"
#include "store/torch_dist/other_formats.h"
#include "store/torch_dist/region_copy.h"
#include "store/torch_dist/torch_archive.h"

namespace bascule {
namespace {

using pickle::Type;
using pickle::Value;

constexpr int64_t kLargestMetadata = int64_t{1} << 30;
constexpr int64_t kUnknown = -1;

void require_backend(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "metadata.json";
  refuse_other_format(directory);
  require(
      filesystem_work([&] { return std::filesystem::exists(path); }), Kind::format,
      "{} has no metadata.json: it is not one iteration's directory of a torch_dist checkpoint, "
      "or no complete copy of one; name another, or copy it again from where it came from",
      directory.string());
  require(filesystem_work([&] { return std::filesystem::exists(directory / ".metadata"); }),
          Kind::format,
          "{} has no .metadata, which lists the tensors: the copy is not complete; copy the "
          "checkpoint again from where it came from (`cp -r DIR`, since * leaves .metadata out)",
          directory.string());
  require_torch_dist(read_small_file(path, 1 << 20), path.string());
}

// "module." when every name has it.
std::string shared_prefix(const DcpMetadata& metadata, const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes)
    if (!metadata.tensors.empty() && std::ranges::all_of(metadata.tensors, [&](const DcpTensor& t) {
          return t.name.starts_with(prefix);
        }))
      return prefix;
  return "";
}

// A true checkpoint writes every chunk once. Shared bytes would make it read one archive many
// times. Objects may name the same archive: torch_dist_output writes one for all `_extra_state`.
void require_apart(const DcpMetadata& metadata) {
  struct Stored {
    BlobPlace place;
    std::string_view name;
    bool object;
  };
  std::vector<Stored> all;
  for (const DcpTensor& tensor : metadata.tensors)
    for (const BlobPlace& place : tensor.places)
      if (place.length != 0) all.push_back({place, tensor.name, false});
  for (const DcpObject& object : metadata.objects) all.push_back({object.place, object.name, true});
  std::ranges::sort(all, {},
                    [](const Stored& s) { return std::pair(s.place.file, s.place.offset); });
  const auto twin = std::ranges::adjacent_find(all, [](const Stored& a, const Stored& b) {
    const bool one_archive = a.object && b.object && a.place.offset == b.place.offset &&
                             a.place.length == b.place.length;
    return a.place.file == b.place.file && !one_archive &&
           b.place.offset - a.place.offset < a.place.length;
  });
  if (twin == all.end()) return;
  fail(Kind::format, "{} and {} share bytes of {}: {} at byte {}, and byte {}", twin[0].name,
       twin[1].name, metadata.files[twin->place.file], twin->place.length, twin[0].place.offset,
       twin[1].place.offset);
}

// That a chunk's archive lies within its file, and is no smaller than the elements in it.
void require_stored(const DataFiles& files, const DcpTensor& tensor, size_t chunk) {
  const BlobPlace& place = tensor.places[chunk];
  files.require_within(place, tensor.name);
  const Box box = tensor.box(chunk);
  const int64_t needed = bytes(tensor.dtype, elements(box.extent));
  if (needed > place.length)
    fail(Kind::format, "{}: {} bytes are stored of its chunk at {}, whose elements take {}",
         tensor.name, place.length, to_string(box.at), needed);
}

ReadAt reader(const File& file, const BlobPlace& place) {
  return [&file, place](int64_t at, std::span<std::byte> out) {
    file.pread_exact(place.offset + at, out);
  };
}

// Checks that a blob holds the chunk that .metadata describes; returns where its elements begin.
int64_t locate_elements(const TorchArchive& archive, const DcpTensor& tensor, size_t chunk) {
  const SavedTensor saved = saved_tensor(archive.value());
  const Box box = tensor.box(chunk);
  require(saved.dtype == tensor.dtype, Kind::format, "the blob holds {}, .metadata says {}",
          torch_name(saved.dtype), torch_name(tensor.dtype));
  require(saved.shape == box.extent, Kind::format, "the blob holds shape {}, .metadata says {}",
          to_string(saved.shape), to_string(box.extent));
  require(saved.row_major(), Kind::unsupported,
          "the blob has strides {} for shape {}; only row-major ones can be read",
          to_string(saved.strides), to_string(saved.shape));
  return archive.data_at(saved);
}

}  // namespace

struct TorchDistSource::Parts {
  // Where the elements of a tensor's chunks begin in their files, once known.
  struct Located {
    explicit Located(size_t chunks) : at(new std::atomic<int64_t>[chunks]) {
      for (size_t i = 0; i < chunks; ++i) at[i].store(kUnknown, std::memory_order_relaxed);
    }
    std::unique_ptr<std::atomic<int64_t>[]> at;
  };

  std::filesystem::path directory;
  DcpMetadata metadata;
  std::unique_ptr<DataFiles> files;
  std::vector<ChunkGrid> grids;
  std::vector<Located> located;
  std::vector<TensorInfo> tensors;
  std::vector<std::string> objects;
  std::optional<Value> common;

  void read_chunk(size_t index, size_t chunk, const Box& box, std::span<std::byte> out) const;
};

TorchDistSource::TorchDistSource(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TorchDistSource::~TorchDistSource() = default;

std::unique_ptr<TorchDistSource> TorchDistSource::open(const std::filesystem::path& directory,
                                                       const TorchDistOptions& options) {
  require_backend(directory);
  auto parts = std::make_unique<Parts>();
  parts->directory = directory;
  const std::filesystem::path path = directory / ".metadata";
  DcpMetadata& metadata = parts->metadata;
  metadata = in_context(path.string(),
                        [&] { return read_dcp_metadata(read_small_file(path, kLargestMetadata)); });
  parts->files = std::make_unique<DataFiles>(directory, metadata.files);

  const std::string prefix = shared_prefix(metadata, options.strip_prefixes);
  const auto strip = [&](std::string& name) {
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  };
  in_context(path.string(), [&] {
    for (DcpTensor& tensor : metadata.tensors) {
      require(bits(tensor.dtype) % 8 == 0, Kind::unsupported, "{} is stored as {}", tensor.name,
              torch_name(tensor.dtype));
      bytes(tensor.dtype, elements(tensor.shape));
      parts->grids.emplace_back(tensor);
      for (size_t chunk = 0; chunk < tensor.chunks(); ++chunk)
        if (tensor.places[chunk].length != 0) require_stored(*parts->files, tensor, chunk);
      parts->located.emplace_back(tensor.chunks());
      strip(tensor.name);
      parts->tensors.push_back({tensor.name, tensor.dtype, tensor.shape});
    }
    for (DcpObject& object : metadata.objects) {
      parts->files->require_within(object.place, object.name);
      strip(object.name);
      parts->objects.push_back(object.name);
    }
    require_apart(metadata);
  });
  std::ranges::sort(metadata.objects, {}, &DcpObject::name);
  std::ranges::sort(parts->objects);

  auto source = std::unique_ptr<TorchDistSource>(new TorchDistSource(std::move(parts)));
  if (const auto common = directory / "common.pt";
      filesystem_work([&] { return std::filesystem::exists(common); })) {
    source->parts_->common = open_torch_file(common).value();
  } else if (std::ranges::binary_search(source->objects(), kCommonObject)) {
    source->parts_->common = in_context(std::string(kCommonObject),
                                        [&] { return source->read_object(kCommonObject).at(0); });
  }
  if (const auto& common = source->common())
    require(common->type() == Type::dict, Kind::format, "{}: the common state is a {}, not a dict",
            directory.string(), pickle::name(common->type()));
  return source;
}

const std::vector<TensorInfo>& TorchDistSource::tensors() const { return parts_->tensors; }

const std::vector<std::string>& TorchDistSource::files() const { return parts_->files->names(); }

const std::vector<std::string>& TorchDistSource::objects() const { return parts_->objects; }

const std::optional<Value>& TorchDistSource::common() const { return parts_->common; }

std::vector<Box> TorchDistSource::chunks(size_t index) const {
  const DcpTensor& tensor = parts_->metadata.tensors.at(index);
  std::vector<Box> boxes;
  for (size_t chunk = 0; chunk < tensor.chunks(); ++chunk) boxes.push_back(tensor.box(chunk));
  return boxes;
}

std::string TorchDistSource::directory() const { return parts_->directory.string(); }

std::pair<size_t, int64_t> TorchDistSource::place(size_t index) const {
  for (const BlobPlace& place : parts_->metadata.tensors.at(index).places)
    if (place.length != 0) return {place.file, place.offset};
  return {0, 0};
}

void TorchDistSource::read(size_t index, const Box& box, std::span<std::byte> out) const {
  const DcpTensor& tensor = parts_->metadata.tensors.at(index);
  require(box.at.size() == tensor.shape.size() && box.extent.size() == tensor.shape.size() &&
              intersect(whole(tensor.shape), box) == box,
          Kind::internal, "{}: a box at {} of extent {} of a tensor of shape {}", tensor.name,
          to_string(box.at), to_string(box.extent), to_string(tensor.shape));
  require(static_cast<int64_t>(out.size()) == bytes(tensor.dtype, elements(box.extent)),
          Kind::internal, "{}: {} bytes of room for a box of extent {}", tensor.name, out.size(),
          to_string(box.extent));
  parts_->grids[index].visit(tensor, box, [&](size_t chunk) {
    in_context(tensor.name, [&] { parts_->read_chunk(index, chunk, box, out); });
  });
}

void TorchDistSource::Parts::read_chunk(size_t index, size_t chunk, const Box& box,
                                        std::span<std::byte> out) const {
  const DcpTensor& tensor = metadata.tensors[index];
  const BlobPlace& place = tensor.places[chunk];
  files->with(place.file, [&](const File& file) {
    std::atomic<int64_t>& at = located[index].at[chunk];
    int64_t begin = at.load(std::memory_order_relaxed);
    if (begin == kUnknown) {
      begin = in_context(fmt::format("{} at byte {}", file.path().string(), place.offset), [&] {
        return place.offset +
               locate_elements(TorchArchive(reader(file, place), place.length), tensor, chunk);
      });
      at.store(begin, std::memory_order_relaxed);
    }
    const Box held = tensor.box(chunk);
    const Box shared = intersect(held, box);
    Box in_chunk = shared, in_out = shared;
    for (size_t d = 0; d < shared.at.size(); ++d) {
      in_chunk.at[d] -= held.at[d];
      in_out.at[d] -= box.at[d];
    }
    read_region(file, begin, tensor.dtype, held.extent, in_chunk, out, box.extent, in_out.at);
  });
}

void TorchDistSource::with_object(std::string_view name,
                                  const std::function<void(const TorchArchive&)>& use) const {
  const auto& all = parts_->metadata.objects;
  const auto at = std::ranges::lower_bound(all, name, {}, &DcpObject::name);
  require(at != all.end() && at->name == name, Kind::mismatch, "{} has no object \"{}\"",
          parts_->directory.string(), name);
  const BlobPlace& place = at->place;
  parts_->files->with(place.file, [&](const File& file) {
    in_context(fmt::format("{}: {} at byte {}", name, file.path().string(), place.offset),
               [&] { use(TorchArchive(reader(file, place), place.length)); });
  });
}

Value TorchDistSource::read_object(std::string_view name) const {
  Value value;
  with_object(name, [&](const TorchArchive& archive) { value = archive.value(); });
  return value;
}

std::optional<Value> TorchDistSource::content_metadata() const {
  if (!parts_->common) return {};
  return parts_->common->find("content_metadata");
}

std::optional<int64_t> TorchDistSource::iteration() const {
  if (!parts_->common) return {};
  const std::optional<Value> iteration = parts_->common->find("iteration");
  if (!iteration) return {};
  return in_context(fmt::format("{}: the common state's iteration", parts_->directory.string()),
                    [&] { return iteration->integer(); });
}

std::optional<TrainState> TorchDistSource::train_state() const {
  const auto path = parts_->directory / "train_state.pt";
  if (!filesystem_work([&] { return std::filesystem::exists(path); })) return {};
  return read_train_state(path);
}

bool is_torch_dist(const std::filesystem::path& directory) {
  return filesystem_work([&] {
    return std::filesystem::exists(directory / "metadata.json") &&
           std::filesystem::exists(directory / ".metadata");
  });
}

}  // namespace bascule
