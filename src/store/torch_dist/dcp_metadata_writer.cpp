#include "base/check.h"
#include "store/torch_dist/dcp_metadata.h"
#include "store/torch_dist/pickle_writer.h"

namespace bascule {
namespace {

constexpr std::string_view kModule = "torch.distributed.checkpoint.metadata";
constexpr std::string_view kFileSystem = "torch.distributed.checkpoint.filesystem";
// Bytes that a chunk or an object takes, with its name: about.
constexpr size_t kEachPlace = 256;

class MetadataWriter {
 public:
  std::string write(const DcpMetadata& metadata) {
    size_t places = metadata.objects.size();
    for (const DcpTensor& tensor : metadata.tensors) places += tensor.chunks();
    out_.reserve(kEachPlace * places);
    object(kModule, "Metadata", [&] {
      out_.string("state_dict_metadata");
      out_.begin_dict();
      for (const DcpTensor& tensor : metadata.tensors) write_tensor(tensor);
      for (const DcpObject& object : metadata.objects) {
        names_.push_back(out_.fresh_string(object.name));
        begin_object(kModule, "BytesStorageMetadata");
      }
      out_.end_dict();
      out_.string("planner_data");
      out_.begin_dict();
      out_.end_dict();
      out_.string("storage_data");
      out_.begin_dict();
      write_storage(metadata);
      out_.end_dict();
      // Readers make a StorageMeta of their own from None.
      out_.string("storage_meta");
      out_.none();
      out_.string("version");
      out_.string("1.0.0");
    });
    return out_.finish();
  }

 private:
  void begin_object(std::string_view module, std::string_view name) {
    out_.global(module, name);
    out_.empty_tuple();
    out_.new_object();
  }

  template <class Fields>
  void object(std::string_view module, std::string_view name, Fields&& fields) {
    begin_object(module, name);
    out_.begin_dict();
    fields();
    out_.end_dict();
    out_.build();
  }

  void size(std::span<const int64_t> extents) {
    out_.global("torch", "Size");
    out_.begin_tuple();
    out_.begin_tuple();
    for (const int64_t extent : extents) out_.integer(extent);
    out_.end_tuple();
    out_.end_tuple();
    out_.reduce();
  }

  // (dtype, layout, requires_grad, memory format, pin_memory)
  void properties(DType dtype) {
    begin_object(kModule, "TensorProperties");
    out_.begin_tuple();
    out_.global("torch", torch_name(dtype));
    out_.global("torch.serialization", "_get_layout");
    out_.begin_tuple();
    out_.string("torch.strided");
    out_.end_tuple();
    out_.reduce();
    out_.boolean(false);
    out_.global(kModule, "_MEM_FORMAT_ENCODING");
    out_.begin_tuple();
    out_.integer(0);
    out_.end_tuple();
    out_.reduce();
    out_.boolean(false);
    out_.end_tuple();
    out_.build();
  }

  void write_tensor(const DcpTensor& tensor) {
    names_.push_back(out_.fresh_string(tensor.name));
    object(kModule, "TensorStorageMetadata", [&] {
      out_.string("properties");
      properties(tensor.dtype);
      out_.string("size");
      size(tensor.shape);
      out_.string("chunks");
      out_.begin_list();
      for (size_t chunk = 0; chunk < tensor.chunks(); ++chunk)
        object(kModule, "ChunkStorageMetadata", [&] {
          out_.string("offsets");
          size(tensor.at(chunk));
          out_.string("sizes");
          size(tensor.extent(chunk));
        });
      out_.end_list();
    });
  }

  void write_storage(const DcpMetadata& metadata) {
    const auto entry = [&](uint32_t name, const BlobPlace& place, auto&& offset) {
      object(kModule, "MetadataIndex", [&] {
        out_.string("fqn");
        out_.again(name);
        out_.string("index");
        out_.none();
        offset();
      });
      object(kFileSystem, "_StorageInfo", [&] {
        out_.string("relative_path");
        out_.string(metadata.files.at(place.file));
        out_.string("offset");
        out_.integer(place.offset);
        out_.string("length");
        out_.integer(place.length);
      });
    };
    auto name = names_.begin();
    for (const DcpTensor& tensor : metadata.tensors) {
      for (size_t chunk = 0; chunk < tensor.chunks(); ++chunk)
        entry(*name, tensor.places[chunk], [&] {
          out_.string("offset");
          size(tensor.at(chunk));
        });
      ++name;
    }
    // The index of an object has no attribute `offset`.
    for (const DcpObject& object : metadata.objects) entry(*name++, object.place, [] {});
  }

  pickle::Writer out_;
  std::vector<uint32_t> names_;  // of tensors, then of objects, as out_ numbers them
};

}  // namespace

std::string write_dcp_metadata(const DcpMetadata& metadata) {
  return MetadataWriter().write(metadata);
}

}  // namespace bascule
