#include "store/torch_dist/torch_archive.h"

#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "base/file.h"
#include "store/torch_dist/pickle.h"
#include "store/torch_dist/plain_name.h"
#include "store/torch_dist/storage_class.h"

namespace bascule {
namespace {

using pickle::Type;
using pickle::Value;

constexpr int64_t kLargestPickle = int64_t{24} << 20;

Shape extents(const Value& value) {
  const Value tuple = value.type() == Type::object ? value.args().at(0) : value;
  Shape shape;
  for (size_t i = 0; i < tuple.size(); ++i) {
    shape.push_back(tuple.at(i).integer());
    require(shape.back() >= 0, Kind::format, "a tensor with a negative extent or stride");
  }
  return shape;
}

// The elements of a storage that a tensor reaches: 1 + sum of (extent - 1) * stride.
int64_t reach(const SavedTensor& tensor) {
  int64_t last = tensor.offset;
  for (size_t d = 0; d < tensor.shape.size(); ++d) {
    if (tensor.shape[d] == 0) return tensor.offset;
    int64_t step = 0;
    require(!__builtin_mul_overflow(tensor.shape[d] - 1, tensor.strides[d], &step) &&
                !__builtin_add_overflow(last, step, &last),
            Kind::format, "a tensor of shape {} and strides {} overflows", to_string(tensor.shape),
            to_string(tensor.strides));
  }
  return last + 1;
}

template <class Element>
Element element(const std::string& bytes) {
  Element value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace

bool SavedTensor::row_major() const {
  const Shape dense = bascule::strides(shape);
  for (size_t d = 0; d < shape.size(); ++d)
    if (shape[d] > 1 && strides[d] != dense[d]) return elements(shape) == 0;
  return true;
}

bool is_tensor(const Value& value) {
  return value.is("torch._utils", "_rebuild_tensor_v2") ||
         value.is("torch._utils", "_rebuild_tensor_v3") ||
         value.is("torch._utils", "_rebuild_parameter");
}

SavedTensor saved_tensor(const Value& given) {
  require(is_tensor(given) && given.type() == Type::object, Kind::format,
          "a tensor is expected, found {}", to_string(given));
  // _rebuild_parameter(tensor, requires_grad, hooks)
  const Value value = given.name() == "_rebuild_parameter" ? given.args().at(0) : given;
  const bool typed = value.is("torch._utils", "_rebuild_tensor_v2");
  require(value.type() == Type::object && (typed || value.is("torch._utils", "_rebuild_tensor_v3")),
          Kind::format, "a parameter is expected to hold a tensor, found {}", to_string(value));
  // (storage, offset, shape, strides, requires_grad, hooks [, dtype])
  const Value args = value.args();
  // ("storage", class, key, location, elements)
  const Value id = args.at(0).id();
  require(id.type() == Type::tuple && id.size() == 5 && id.at(0) == Value("storage"), Kind::format,
          "a tensor's storage is expected, found {}", to_string(id));

  SavedTensor tensor;
  tensor.storage = id.at(2).string();
  require_plain_name("a storage", tensor.storage);
  tensor.storage_elements = id.at(4).integer();
  tensor.offset = args.at(1).integer();
  tensor.shape = extents(args.at(2));
  tensor.strides = extents(args.at(3));
  if (typed) {
    tensor.dtype = dtype_of_storage(id.at(1));
  } else {
    const Value dtype = args.at(6);
    require(dtype.type() == Type::global && dtype.module() == "torch", Kind::format,
            "a dtype is expected, found {}", to_string(dtype));
    require_plain_name("a dtype", dtype.name());
    tensor.dtype = dtype_from_torch(dtype.name());
    require(bits(tensor.dtype) % 8 == 0 && tensor.storage_elements >= 0 &&
                tensor.storage_elements % (bits(tensor.dtype) / 8) == 0,
            Kind::format, "{} bytes of storage are no whole elements of {}",
            tensor.storage_elements, torch_name(tensor.dtype));
    tensor.storage_elements /= bits(tensor.dtype) / 8;
  }
  require(tensor.shape.size() == tensor.strides.size(), Kind::format,
          "a tensor of shape {} with strides {}", to_string(tensor.shape),
          to_string(tensor.strides));
  elements(tensor.shape);
  require(
      tensor.offset >= 0 && tensor.storage_elements >= 0 &&
          reach(tensor) <= tensor.storage_elements,
      Kind::format, "a tensor of shape {}, strides {} and offset {} in a storage of {} elements",
      to_string(tensor.shape), to_string(tensor.strides), tensor.offset, tensor.storage_elements);
  return tensor;
}

TorchArchive::TorchArchive(const ReadAt& read, int64_t length) : read_(read), zip_(read, length) {
  const auto& records = zip_.records();
  require(!records.empty(), Kind::format, "the archive is empty");
  // torch takes what precedes the first slash of the first name.
  prefix_ = records[0].name.substr(0, records[0].name.find('/')) + "/";
  const ZipRecord* data = zip_.find(prefix_ + "data.pkl");
  require(data != nullptr, Kind::format, "the archive has no record \"{}data.pkl\"", prefix_);
  if (const ZipRecord* order = zip_.find(prefix_ + "byteorder")) {
    const std::string text = zip_.data(*order, 16);
    require(text == "little", Kind::unsupported, "an archive in byte order {}, not little",
            shown(text));
  }
  value_ = in_context(data->name, [&] { return pickle::decode(zip_.data(*data, kLargestPickle)); });
}

const ZipRecord& TorchArchive::storage(const SavedTensor& tensor) const {
  const std::string name = fmt::format("{}data/{}", prefix_, tensor.storage);
  const ZipRecord* record = zip_.find(name);
  require(record != nullptr, Kind::format, "the archive has no record \"{}\"", name);
  const int64_t needed = bytes(tensor.dtype, tensor.storage_elements);
  require(record->size == needed, Kind::format,
          "record \"{}\" has {} bytes, {} elements of {} need {}", name, record->size,
          tensor.storage_elements, torch_name(tensor.dtype), needed);
  return *record;
}

int64_t TorchArchive::data_at(const SavedTensor& tensor) const {
  return zip_.data_at(storage(tensor)) + bytes(tensor.dtype, tensor.offset);
}

std::string TorchArchive::data(const SavedTensor& tensor, int64_t limit) const {
  require(tensor.row_major(), Kind::unsupported, "a tensor of shape {} with strides {}",
          to_string(tensor.shape), to_string(tensor.strides));
  const int64_t size = bytes(tensor.dtype, elements(tensor.shape));
  require(size <= limit, Kind::format, "a tensor of {} bytes where at most {} are expected", size,
          limit);
  std::string out(static_cast<size_t>(size), '\0');
  read_(data_at(tensor), std::as_writable_bytes(std::span(out)));
  return out;
}

Value TorchArchive::scalar(const Value& value) const {
  const SavedTensor tensor = saved_tensor(value);
  require(elements(tensor.shape) == 1, Kind::format,
          "a tensor of one element is expected, found shape {}", to_string(tensor.shape));
  const std::string raw = data(tensor);
  switch (tensor.dtype) {
    case DType::boolean:
      return raw[0] != 0;
    case DType::u8:
      return element<uint8_t>(raw);
    case DType::i8:
      return element<int8_t>(raw);
    case DType::i16:
      return element<int16_t>(raw);
    case DType::i32:
      return element<int32_t>(raw);
    case DType::i64:
      return element<int64_t>(raw);
    case DType::f32:
      return static_cast<double>(element<float>(raw));
    case DType::f64:
      return element<double>(raw);
    default:
      fail(Kind::unsupported, "a number stored as {}, which none is", torch_name(tensor.dtype));
  }
}

TorchArchive open_torch_file(const std::filesystem::path& path) {
  return in_context(path.string(), [&] {
    const auto file = std::make_shared<File>(File::open(path));
    return TorchArchive(
        [file](int64_t at, std::span<std::byte> out) { file->pread_exact(at, out); }, file->size());
  });
}

}  // namespace bascule
