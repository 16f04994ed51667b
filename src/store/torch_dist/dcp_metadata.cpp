#include "store/torch_dist/dcp_metadata.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>

#include "base/check.h"
#include "store/torch_dist/pickle.h"
#include "store/torch_dist/plain_name.h"

namespace bascule {
namespace {

using pickle::Type;
using pickle::Value;

constexpr std::string_view kTensors = "state_dict_metadata", kStorage = "storage_data";
// What each rank was to write doubles the file, and is never needed to read it.
const pickle::Skip kPlans = {"all_local_plans", {kTensors, kStorage}};
constexpr size_t kMostDimensions = 64;  // as in torch

// A torch.Size: the object torch.Size((1, 2)), or a plain tuple or list.
void append_integers(std::vector<int64_t>& out, const Value& value) {
  const Value tuple = value.type() == Type::object ? value.args().at(0) : value;
  const size_t count = tuple.size();
  require(count <= kMostDimensions, Kind::format, "{} dimensions; torch has at most {}", count,
          kMostDimensions);
  for (size_t i = 0; i < count; ++i) {
    const int64_t number = tuple.at(i).integer();
    require(number >= 0, Kind::format, "a negative size or offset: {}", number);
    out.push_back(number);
  }
}

std::string_view class_of(const Value& value) {
  return value.type() == Type::object ? value.name() : std::string_view();
}

// properties: its state is the tuple (dtype, layout, requires_grad, memory format, pin_memory).
DType read_properties(const Value& properties) {
  const Value state = properties.state();
  const Value dtype = state.type() == Type::tuple ? state.at(0) : state["dtype"];
  require(dtype.type() == Type::global && dtype.module() == "torch", Kind::format,
          "a dtype is expected, found {}", to_string(dtype));
  require_plain_name("a dtype", dtype.name());
  if (state.type() == Type::tuple && state.size() > 1 && state.at(1).type() == Type::object) {
    const Value layout = state.at(1).args().at(0);
    require(layout == Value("torch.strided"), Kind::unsupported, "a tensor of layout {}",
            to_string(layout));
  }
  return dtype_from_torch(dtype.name());
}

DcpTensor read_tensor(std::string_view name, const Value& state) {
  DcpTensor tensor;
  tensor.name = name;
  tensor.dtype = read_properties(state["properties"]);
  append_integers(tensor.shape, state["size"]);
  elements(tensor.shape);
  const Value chunks = state["chunks"];
  const size_t count = chunks.size();
  tensor.places.resize(count);
  std::vector<int64_t> offsets, sizes;
  for (size_t i = 0; i < count; ++i) {
    const Value chunk = chunks.at(i).state();
    append_integers(offsets, chunk["offsets"]);
    append_integers(sizes, chunk["sizes"]);
    const size_t expected = (i + 1) * tensor.shape.size();
    require(offsets.size() == expected && sizes.size() == expected, Kind::format,
            "chunk {} has another number of dimensions than the tensor's {}", i,
            tensor.shape.size());
  }

  const size_t rank = tensor.shape.size();
  const auto row = [&](const std::vector<int64_t>& all, size_t chunk) {
    return std::span(all).subspan(chunk * rank, rank);
  };
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::ranges::lexicographical_compare(row(offsets, a), row(offsets, b));
  });
  for (const size_t chunk : order) {
    std::ranges::copy(row(offsets, chunk), std::back_inserter(tensor.offsets));
    std::ranges::copy(row(sizes, chunk), std::back_inserter(tensor.sizes));
  }
  return tensor;
}

// Sorted by name, without duplicates.
template <class Named>
void sort_by_name(std::vector<Named>& all) {
  std::ranges::sort(all, {}, &Named::name);
  const auto twice = std::ranges::adjacent_find(all, {}, &Named::name);
  require(twice == all.end(), Kind::format, "\"{}\" is listed twice",
          twice == all.end() ? std::string() : twice->name);
}

template <class Named>
Named* find_by_name(std::vector<Named>& all, std::string_view name) {
  const auto at = std::ranges::lower_bound(all, name, {}, &Named::name);
  return at != all.end() && at->name == name ? &*at : nullptr;
}

// Numbers file names in the order they are met; renumber() sorts them.
class FileNames {
 public:
  uint32_t number(std::string_view name) {
    const auto found = numbers_.find(name);
    if (found != numbers_.end()) return found->second;
    require(!name.empty() && name != "." && name != ".." && name.size() < 256 &&
                name.find_first_of(std::string_view("/\\\0", 3)) == name.npos,
            Kind::format, "relative_path {} is no plain file name", shown(name));
    const auto number = static_cast<uint32_t>(numbers_.size());
    numbers_.emplace(name, number);
    return number;
  }

  std::vector<std::string> renumber(DcpMetadata& metadata) const {
    std::vector<std::string> names;
    std::vector<uint32_t> sorted(numbers_.size());
    for (const auto& [name, number] : numbers_) {
      sorted[number] = static_cast<uint32_t>(names.size());
      names.push_back(name);
    }
    for (DcpTensor& tensor : metadata.tensors)
      for (BlobPlace& place : tensor.places)
        if (place.length != 0) place.file = sorted[place.file];
    for (DcpObject& object : metadata.objects) object.place.file = sorted[object.place.file];
    return names;
  }

 private:
  std::map<std::string, uint32_t, std::less<>> numbers_;
};

BlobPlace read_place(const Value& info, FileNames& files) {
  const Value state = info.state();
  if (const auto transforms = state.find("transform_descriptors"))
    require(transforms->is_none() || transforms->size() == 0, Kind::unsupported,
            "its bytes are transformed ({}); save the checkpoint without extensions",
            to_string(*transforms));
  BlobPlace place;
  place.file = files.number(state["relative_path"].string());
  place.offset = state["offset"].integer();
  place.length = state["length"].integer();
  int64_t end = 0;
  require(place.offset >= 0 && place.length > 0 &&
              !__builtin_add_overflow(place.offset, place.length, &end),
          Kind::format, "it is said to be {} bytes at byte {} of {}", place.length, place.offset,
          shown(state["relative_path"].string()));
  return place;
}

// The chunk of `tensor` that begins at `offset`, or chunks() if none does. Of several the first
// that has elements: an empty one may begin where another does.
size_t find_chunk(const DcpTensor& tensor, std::span<const int64_t> offset) {
  size_t low = 0, high = tensor.chunks();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (std::ranges::lexicographical_compare(tensor.at(middle), offset))
      low = middle + 1;
    else
      high = middle;
  }
  size_t found = tensor.chunks();
  for (; low < tensor.chunks() && std::ranges::equal(tensor.at(low), offset); ++low) {
    const bool filled = std::ranges::find(tensor.extent(low), 0) == tensor.extent(low).end();
    if (found == tensor.chunks() || filled) found = low;
    if (filled) break;
  }
  return found;
}

void read_storage(const Value& storage, DcpMetadata& metadata, FileNames& files) {
  std::vector<int64_t> offset;
  for (size_t i = 0; i < storage.size(); ++i) {
    const Value index = storage.key(i).state();
    const Value name = index["fqn"];
    require_plain_name("a tensor or object", name.string());
    in_context(std::string(name.string()), [&] {
      const BlobPlace place = read_place(storage.value(i), files);
      const std::optional<Value> at = index.find("offset");
      if (!at || at->is_none()) {
        DcpObject* object = find_by_name(metadata.objects, name.string());
        require(object != nullptr, Kind::format, "storage_data places what is not listed");
        require(object->place.length == 0, Kind::format, "storage_data places it twice");
        object->place = place;
        return;
      }
      DcpTensor* tensor = find_by_name(metadata.tensors, name.string());
      require(tensor != nullptr, Kind::format, "storage_data places what is not listed");
      offset.clear();
      append_integers(offset, *at);
      const size_t chunk = find_chunk(*tensor, offset);
      if (chunk == tensor->chunks())
        fail(Kind::format, "storage_data places a chunk at {}, where none is listed",
             to_string(offset));
      const bool empty = std::ranges::find(tensor->extent(chunk), 0) != tensor->extent(chunk).end();
      if (tensor->places[chunk].length != 0 && !empty)
        fail(Kind::format, "storage_data places the chunk at {} twice", to_string(offset));
      tensor->places[chunk] = place;
    });
  }
}

void require_places(const DcpMetadata& metadata) {
  for (const DcpTensor& tensor : metadata.tensors)
    for (size_t chunk = 0; chunk < tensor.chunks(); ++chunk) {
      if (tensor.places[chunk].length != 0) continue;
      const Box box = tensor.box(chunk);
      require(std::ranges::find(box.extent, 0) != box.extent.end(), Kind::format,
              "{}: its chunk at {} is in no file: storage_data does not place it", tensor.name,
              to_string(box.at));
    }
  for (const DcpObject& object : metadata.objects)
    require(object.place.length != 0, Kind::format,
            "{} is in no file: storage_data does not place it", object.name);
}

}  // namespace

Box DcpTensor::box(size_t chunk) const {
  return {Shape(at(chunk).begin(), at(chunk).end()),
          Shape(extent(chunk).begin(), extent(chunk).end())};
}

DcpMetadata read_dcp_metadata(std::string bytes) {
  const Value root = pickle::decode(std::move(bytes), {.skip = kPlans});
  const Value state = root.type() == Type::object ? root.state() : Value();
  require(state.type() == Type::dict && state.find(kTensors) && state.find(kStorage), Kind::format,
          "no {} and {}: not the metadata of a torch checkpoint", kTensors, kStorage);

  DcpMetadata metadata;
  const Value listed = state[kTensors];
  for (size_t i = 0; i < listed.size(); ++i) {
    const std::string name(listed.key(i).string());
    require_plain_name("a tensor or object", name);
    const Value entry = listed.value(i);
    in_context(name, [&] {
      if (class_of(entry) == "TensorStorageMetadata")
        metadata.tensors.push_back(read_tensor(name, entry.state()));
      else if (class_of(entry) == "BytesStorageMetadata")
        metadata.objects.push_back({name, {}});
      else
        fail(Kind::format, "neither a tensor nor an object: {}", to_string(entry));
    });
  }
  sort_by_name(metadata.tensors);
  sort_by_name(metadata.objects);
  FileNames files;
  read_storage(state[kStorage], metadata, files);
  require_places(metadata);
  metadata.files = files.renumber(metadata);
  return metadata;
}

}  // namespace bascule
