// What is said about blobs that are not where, or not what, .metadata says.
#include <gtest/gtest.h>

#include "bascule/error.h"
#include "store/torch_dist/torch_dist_source.h"
#include "unit/store/torch_dist/lies.h"

namespace bascule {
namespace {

using pickle::Value;

Fake blob(std::string bytes) {
  return chunks({2, 3}, {{.at = {0, 0}, .extent = {2, 3}, .blob = std::move(bytes)}});
}

// A blob whose data.pkl is the encoded `value`, with 12 bytes of storage.
std::string blob_of(const Value& value) {
  const Frame frame = tensor_frame(pickle::encode(value), 12);
  return frame.before + std::string(12, 'x') + frame.after;
}

struct Rebuild {
  Value storage_class = Value::global("torch", "BFloat16Storage");
  Value key = "0", numel = 6, offset = 0, shape = Value::tuple({2, 3}),
        strides = Value::tuple({3, 1}), kind = "storage";

  Value value() const {
    return Value::reduced(
        Value::global("torch._utils", "_rebuild_tensor_v2"),
        Value::tuple({Value::persistent(Value::tuple({kind, storage_class, key, "cpu", numel})),
                      offset, shape, strides, false, Value::dict({})}));
  }
};

TEST(TorchDistBlobErrors, TheFakeIsSound) {
  const TemporaryDirectory directory;
  blob(blob_of(Rebuild{}.value())).write(directory.path());
  EXPECT_EQ(read_first(directory.path()), "xxxxxxxxxxxx");
}

TEST(TorchDistBlobErrors, Places) {
  const auto place = [](std::optional<int64_t> offset, std::optional<int64_t> length) {
    return chunks({2, 3}, {{{0, 0}, {2, 3}, {}, offset, length}});
  };
  const Bad rows[] = {
      {"negative offset", place(-1, {}), "bytes at byte -1 of \"__0_0.distcp\""},
      {"negative length", place({}, -1), "it is said to be -1 bytes"},
      {"no length", place({}, 0), "it is said to be 0 bytes"},
      {"overflow", place(INT64_MAX, INT64_MAX), "it is said to be 9223372036854775807 bytes"},
      {"offset too large", place(1, {}),
       "has 862 bytes, but weight is said to be 862 bytes at byte 1:"},
      {"length too large", place({}, 863), "has 862 bytes, but weight is said to be 863 bytes"},
      {"offset of 2^62", place(int64_t{1} << 62, {}), "bytes at byte 4611686018427387904"},
      {"length too small", place({}, 861), "no zip archive ends at byte 861"},
      {"two chunks in the same bytes",
       chunks({4, 3}, {{{0, 0}, {2, 3}}, {{2, 0}, {2, 3}, {}, 0, 862}}),
       "weight and weight share bytes of __0_0.distcp: 862 at byte 0, and byte 0"},
      {"two chunks that share a byte",
       chunks({4, 3}, {{{0, 0}, {2, 3}}, {{2, 0}, {2, 3}, {}, 861, 862}}),
       "share bytes of __0_0.distcp: 862 at byte 0, and byte 861"},
      {"length of a few bytes", place({}, 5),
       "5 bytes are stored of its chunk at [0, 0], whose elements take 12"},
  };
  expect_refused(rows);
}

TEST(TorchDistBlobErrors, Blobs) {
  const auto rebuild = [](auto member, const Value& value) {
    Rebuild tensor;
    tensor.*member = value;
    return blob(blob_of(tensor.value()));
  };
  const auto record = [](const char* name, const char* data) {
    ZipBuilder zip("archive");
    zip.add(name, data);
    return blob(zip.finish().before);
  };
  const Value parameter = Value::global("torch._utils", "_rebuild_parameter");
  const Bad rows[] = {
      {"no zip archive", blob(std::string(100, 'x')), "__0_0.distcp at byte 0: no zip archive"},
      {"safetensors", blob(R"(........{"weight":{"dtype":"BF16","shape":[2,3]}})"),
       "no zip archive"},
      {"no data.pkl", record("data", ""), "no record \"archive/data.pkl\""},
      {"empty archive", blob(ZipBuilder("archive").finish().before), "the archive is empty"},
      {"big-endian",
       [&] {
         ZipBuilder zip("archive");
         zip.add("data.pkl", "N.");
         zip.add("byteorder", "big");
         return blob(zip.finish().before);
       }(),
       "byte order \"big\"", Kind::unsupported},
      {"no pickle", record("data.pkl", "x"), "archive/data.pkl: pickle opcode"},
      {"no tensor", blob(blob_of(1)), "a tensor is expected, found 1"},
      {"another function",
       blob(blob_of(Value::reduced(Value::global("os", "system"), Value::tuple({"id"})))),
       "a tensor is expected, found os.system('id',)"},
      {"only the name", blob(blob_of(Value::global("torch._utils", "_rebuild_tensor_v2"))),
       "a tensor is expected"},
      {"no arguments",
       blob(blob_of(
           Value::reduced(Value::global("torch._utils", "_rebuild_tensor_v2"), Value::tuple({})))),
       "a tuple of 0 members has no member 0"},
      {"a parameter of nothing", blob(blob_of(Value::reduced(parameter, Value::tuple({1})))),
       "a parameter is expected to hold a tensor"},
      {"a parameter of a parameter",
       blob(blob_of(Value::reduced(
           parameter,
           Value::tuple({Value::reduced(parameter, Value::tuple({Rebuild{}.value()}))})))),
       "a parameter is expected to hold a tensor"},
      {"no storage", rebuild(&Rebuild::kind, "module"), "a tensor's storage is expected"},
      {"unknown storage class",
       rebuild(&Rebuild::storage_class, Value::global("torch", "XStorage")),
       "a storage class is expected, found torch.XStorage"},
      {"storage class of another module",
       rebuild(&Rebuild::storage_class, Value::global("os", "BFloat16Storage")),
       "a storage class is expected"},
      {"other dtype", rebuild(&Rebuild::storage_class, Value::global("torch", "HalfStorage")),
       "the blob holds float16, .metadata says bfloat16"},
      {"other shape", rebuild(&Rebuild::shape, Value::tuple({1, 3})),
       "the blob holds shape [1, 3], .metadata says [2, 3]"},
      {"other rank", rebuild(&Rebuild::shape, Value::tuple({6})), "shape [6] with strides [3, 1]"},
      {"negative shape", rebuild(&Rebuild::shape, Value::tuple({-2, -3})), "negative extent"},
      {"transposed", rebuild(&Rebuild::strides, Value::tuple({1, 2})),
       "strides [1, 2] for shape [2, 3]", Kind::unsupported},
      {"expanded", rebuild(&Rebuild::strides, Value::tuple({0, 1})), "strides [0, 1]",
       Kind::unsupported},
      {"huge strides", rebuild(&Rebuild::strides, Value::tuple({INT64_MAX, INT64_MAX})),
       "overflows"},
      {"strides outside", rebuild(&Rebuild::strides, Value::tuple({4, 1})),
       "storage of 6 elements"},
      {"offset outside", rebuild(&Rebuild::offset, 1), "offset 1 in a storage of 6 elements"},
      {"negative offset", rebuild(&Rebuild::offset, -1), "offset -1"},
      {"huge offset", rebuild(&Rebuild::offset, INT64_MAX), "overflows"},
      {"another key", rebuild(&Rebuild::key, "1"), "no record \"archive/data/1\""},
      {"key upwards", rebuild(&Rebuild::key, "../0"), "no record \"archive/data/../0\""},
      {"short storage", rebuild(&Rebuild::numel, 7),
       "record \"archive/data/0\" has 12 bytes, 7 elements of bfloat16 need 14"},
      {"huge storage", rebuild(&Rebuild::numel, INT64_MAX), "more bits than 64 bits count"},
      {"negative storage", rebuild(&Rebuild::numel, -6), "a storage of -6 elements"},
  };
  expect_refused(rows);
}

}  // namespace
}  // namespace bascule
