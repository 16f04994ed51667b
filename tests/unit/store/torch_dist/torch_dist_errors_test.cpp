// Checkpoints that lie, and what is said about them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bascule/error.h"
#include "store/torch_dist/dcp_metadata.h"
#include "store/torch_dist/torch_dist_source.h"
#include "unit/store/cost.h"
#include "unit/store/torch_dist/fake_checkpoint.h"

namespace bascule {
namespace {

using pickle::Value;
using testing::HasSubstr;
using Fake = FakeCheckpoint;

// Opens the checkpoint and reads its first tensor whole.
std::string read_first(const std::filesystem::path& directory) {
  const auto source = TorchDistSource::open(directory);
  const TensorInfo& tensor = source->tensors().at(0);
  std::string data(static_cast<size_t>(bytes(tensor.dtype, elements(tensor.shape))), '?');
  source->read(0, whole(tensor.shape), std::as_writable_bytes(std::span(data)));
  return data;
}

void expect_refused(const std::filesystem::path& directory, Kind kind, const char* message) {
  try {
    read_first(directory);
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(name(error.kind()), name(kind)) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(message));
  }
}

struct Bad {
  const char* what;
  Fake fake;
  const char* message;
  Kind kind = Kind::format;
};

Fake with(auto&& change) {
  Fake fake;
  change(fake);
  return fake;
}

Fake chunks(const Shape& shape, std::vector<Fake::Chunk> chunks) {
  Fake fake;
  fake.shape = shape;
  fake.chunks = std::move(chunks);
  return fake;
}

Fake blob(std::string bytes) {
  return chunks({2, 3}, {{.at = {0, 0}, .extent = {2, 3}, .blob = std::move(bytes)}});
}

// A blob whose data.pkl is the encoded `value`, with 12 bytes of storage.
std::string blob_of(const Value& value) {
  const ZipFrame frame = tensor_frame(pickle::encode(value), 12);
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

TEST(TorchDistErrors, TheFakeIsSound) {
  const TemporaryDirectory directory;
  Fake().write(directory.path());
  EXPECT_EQ(read_first(directory.path()), "000000000000111111111111");
  blob(blob_of(Rebuild{}.value())).write(directory.path());
  EXPECT_EQ(read_first(directory.path()), "xxxxxxxxxxxx");
  // A chunk without elements needs no place, and may begin where another does.
  chunks({2, 3}, {{{0, 0}, {0, 3}, {}, {}, {}, false}, {{0, 0}, {2, 3}}}).write(directory.path());
  EXPECT_EQ(read_first(directory.path()), "111111111111");
  // Irregular chunks: a pinwheel.
  chunks({3, 3},
         {{{0, 0}, {1, 2}}, {{0, 2}, {2, 1}}, {{1, 0}, {2, 1}}, {{2, 1}, {1, 2}}, {{1, 1}, {1, 1}}})
      .write(directory.path());
  EXPECT_EQ(read_first(directory.path()), "000011224411223333");
  // No elements at all.
  chunks({0, 3}, {{{0, 0}, {0, 3}}}).write(directory.path());
  EXPECT_EQ(read_first(directory.path()), "");
  // A scalar.
  chunks({}, {{{}, {}}}).write(directory.path());
  EXPECT_EQ(read_first(directory.path()), "00");
}

TEST(TorchDistErrors, Metadata) {
  const auto member = [](auto member, auto value) {
    return with([&](Fake& fake) { fake.*member = value; });
  };
  const auto json = [&](const char* text) { return member(&Fake::metadata_json, text); };
  const auto dtype = [&](Value value) { return member(&Fake::dtype, value); };
  const auto path = [&](std::string text) { return member(&Fake::path, std::move(text)); };
  const int64_t huge = int64_t{1} << 62;
  const Bad rows[] = {
      {"no JSON", json("{"), "metadata.json names no sharded_backend"},
      {"a list", json("[]"), "names no sharded_backend"},
      {"no backend", json("{}"), "names no sharded_backend"},
      {"a number", json(R"({"sharded_backend": 1})"), "names no sharded_backend"},
      {"zarr", json(R"({"sharded_backend": "zarr", "sharded_backend_version": 1})"),
       "sharded_backend is \"zarr\" version \"1\"", Kind::unsupported},
      {"version 2", json(R"({"sharded_backend": "torch_dist", "sharded_backend_version": 2})"),
       "\"torch_dist\" version \"2\"", Kind::unsupported},
      {"version \"null\"",
       json(R"({"sharded_backend": "torch_dist", "sharded_backend_version": null})"),
       "version \"null\"", Kind::unsupported},
      {"no list", member(&Fake::listed, false), "no state_dict_metadata and storage_data"},
      {"no storage", member(&Fake::stored, false), "no state_dict_metadata and storage_data"},
      {"another class", member(&Fake::listed_class, "SomethingElse"),
       "weight: neither a tensor nor an object: torch.distributed"},
      {"listed twice", with([](Fake& fake) {
         fake.more_listed = {{"weight", Fake::record("BytesStorageMetadata", {})},
                             {"weight", Fake::record("BytesStorageMetadata", {})}};
       }),
       "\"weight\" is listed twice"},
      {"no name", member(&Fake::name, std::string()), "a tensor or object is named \"\""},
      {"a name with an escape", member(&Fake::name, std::string("\x1b[31m")),
       "a tensor or object is named \"\\x1b[31m\""},
      {"a name with a line break", member(&Fake::name, std::string("a\nb")), "named \"a\\x0ab\""},
      {"a name of 2 KB", member(&Fake::name, std::string(2048, 'n')), "nnn...\""},
      {"name of another type", with([](Fake& fake) {
         fake.more_listed = {{1, Fake::record("BytesStorageMetadata", {})}};
       }),
       "a int where a str belongs"},
      {"entry of another type", with([](Fake& fake) {
         fake.more_listed = {{"x", 1}};
       }),
       "x: neither a tensor nor an object: 1"},
      {"an object nowhere", with([](Fake& fake) {
         fake.more_listed = {{"x", Fake::record("BytesStorageMetadata", {})}};
       }),
       "x is in no file"},
      {"an object that is not listed", with([](Fake& fake) {
         fake.more_stored = {{Fake::record("MetadataIndex", {{"fqn", "x"}, {"index", Value()}}),
                              Fake::info("__0_0.distcp", 0, 1)}};
       }),
       "x: storage_data places what is not listed"},
      {"an object twice", with([](Fake& fake) {
         const Value index = Fake::record("MetadataIndex", {{"fqn", "x"}});
         fake.more_listed = {{"x", Fake::record("BytesStorageMetadata", {})}};
         fake.more_stored = {{index, Fake::info("__0_0.distcp", 0, 1)},
                             {index, Fake::info("__0_0.distcp", 0, 1)}};
       }),
       "x: storage_data places it twice"},
      {"an object beyond the file", with([](Fake& fake) {
         fake.more_listed = {{"x", Fake::record("BytesStorageMetadata", {})}};
         fake.more_stored = {{Fake::record("MetadataIndex", {{"fqn", "x"}}),
                              Fake::info("__0_0.distcp", 100000, 1)}};
       }),
       "x is said to be 1 bytes at byte 100000"},
      {"unknown dtype", dtype(Value::global("torch", "float3")), "weight: unknown torch dtype"},
      {"dtype of another module", dtype(Value::global("os", "system")),
       "a dtype is expected, found os.system"},
      {"dtype a string", dtype("bfloat16"), "a dtype is expected, found 'bfloat16'"},
      {"dtype of half bytes", dtype(Value::global("torch", "float4_e2m1fn_x2")),
       "weight is stored as float4_e2m1fn_x2", Kind::unsupported},
      {"sparse", member(&Fake::layout, Value("torch.sparse_coo")),
       "a tensor of layout 'torch.sparse_coo'", Kind::unsupported},
      {"negative size", chunks({-4, 3}, {{{0, 0}, {4, 3}}}), "a negative size or offset: -4"},
      {"huge shape", chunks({huge, huge}, {{{0, 0}, {huge, huge}}}), "more elements than 64 bits"},
      {"huge bytes", chunks({huge, 2}, {{{0, 0}, {huge, 2}}}), "weight"},
      {"65 dimensions", chunks(Shape(65, 1), {{Shape(65, 0), Shape(65, 1)}}), "65 dimensions"},
      {"chunk of other rank", chunks({4, 3}, {{{0}, {4}}}),
       "chunk 0 has another number of dimensions than the tensor's 2"},
      {"chunk outside", chunks({4, 3}, {{{0, 0}, {4, 4}}}),
       "weight: the chunk at [0, 0] of extent [4, 4] reaches outside the tensor's shape [4, 3]"},
      {"chunk far outside", chunks({4, 3}, {{{huge, 0}, {huge, 3}}}), "reaches outside"},
      {"negative chunk", chunks({4, 3}, {{{-1, 0}, {4, 3}}}), "a negative size or offset: -1"},
      {"no chunk", chunks({4, 3}, {}), "weight: no chunk holds its elements from [0, 0] on"},
      {"hole at the end", chunks({4, 3}, {{{0, 0}, {3, 3}}}), "no chunk begins at [3, 0]"},
      {"hole at the begin", chunks({4, 3}, {{{1, 0}, {3, 3}}}),
       "no chunk begins at 0 in dimension 0"},
      {"hole in the middle", chunks({4, 3}, {{{0, 0}, {1, 3}}, {{2, 0}, {2, 3}}}),
       "no chunk begins at [1, 0], where the one at [0, 0] ends"},
      {"hole in a grid", chunks({2, 2}, {{{0, 0}, {1, 1}}, {{0, 1}, {1, 1}}, {{1, 0}, {1, 1}}}),
       "no chunk holds its elements from [1, 1] on"},
      {"overlap", chunks({4, 3}, {{{0, 0}, {3, 3}}, {{2, 0}, {2, 3}}}), "a hole or an overlap"},
      {"overlap in a grid", chunks({2, 2}, {{{0, 0}, {1, 2}}, {{1, 0}, {1, 2}}, {{0, 1}, {1, 1}}}),
       "the chunks at [0, 0] and [0, 1] overlap"},
      {"one chunk twice", chunks({4, 3}, {{{0, 0}, {4, 3}}, {{0, 0}, {4, 3}, {}, {}, {}, false}}),
       "weight: its chunk at [0, 0] is in no file"},
      {"all twice", chunks({4, 3}, {{{0, 0}, {4, 3}}, {{0, 0}, {4, 3}}}),
       "places the chunk at [0, 0] twice"},
      {"a chunk nowhere", chunks({4, 3}, {{{0, 0}, {2, 3}}, {{2, 0}, {2, 3}, {}, {}, {}, false}}),
       "weight: its chunk at [2, 0] is in no file"},
      {"storage of another tensor", member(&Fake::stored_name, "other"),
       "other: storage_data places what is not listed"},
      {"storage of another chunk", with([](Fake& fake) {
         fake.more_stored = {
             {Fake::record("MetadataIndex", {{"fqn", "weight"}, {"offset", Fake::size({1, 0})}}),
              Fake::info("__0_0.distcp", 0, 1)}};
       }),
       "places a chunk at [1, 0], where none is listed"},
      {"path upwards", path("../x"), "relative_path \"../x\" is no plain file name"},
      {"the parent", path(".."), "relative_path \"..\" is no plain file name"},
      {"the directory", path("."), "is no plain file name"},
      {"absolute path", path("/etc/passwd"), "relative_path \"/etc/passwd\" is no plain file name"},
      {"path in a folder", path("a/b"), "is no plain file name"},
      {"path with a backslash", path("a\\b"), "is no plain file name"},
      {"path with a zero", path(std::string("a\0b", 3)),
       "relative_path \"a\\x00b\" is no plain file name"},
      {"empty path", path(""), "is no plain file name"},
      {"long path", path(std::string(300, 'a')), "is no plain file name"},
      {"missing file", path("__7_0.distcp"), "__7_0.distcp", Kind::environment},
      {"transformed", member(&Fake::transforms, Value::list({"zstd"})),
       "its bytes are transformed (['zstd'])", Kind::unsupported},
      {"short file", member(&Fake::missing_bytes, 1),
       "__0_0.distcp has 1723 bytes, but weight is said to be 862 bytes at byte 862"},
  };
  for (const Bad& row : rows) {
    SCOPED_TRACE(row.what);
    const TemporaryDirectory directory;
    row.fake.write(directory.path());
    expect_refused(directory.path(), row.kind, row.message);
  }
}

TEST(TorchDistErrors, Places) {
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
      {"length of a few bytes", place({}, 5), "5 bytes are too few for a zip archive"},
  };
  for (const Bad& row : rows) {
    SCOPED_TRACE(row.what);
    const TemporaryDirectory directory;
    row.fake.write(directory.path());
    expect_refused(directory.path(), row.kind, row.message);
  }
}

TEST(TorchDistErrors, Blobs) {
  const auto rebuild = [](auto member, Value value) {
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
  for (const Bad& row : rows) {
    SCOPED_TRACE(row.what);
    const TemporaryDirectory directory;
    row.fake.write(directory.path());
    expect_refused(directory.path(), row.kind, row.message);
  }
}

TEST(TorchDistErrors, EveryTruncationOfTheDirectory) {
  const TemporaryDirectory directory;
  Fake().write(directory.path());
  const std::string metadata = contents(directory / ".metadata");
  for (size_t size = 0; size < metadata.size(); size += 3) {
    put(directory / ".metadata", metadata.substr(0, size));
    EXPECT_THROW(TorchDistSource::open(directory.path()), Error) << size;
  }
  put(directory / ".metadata", metadata);
  const std::string data = contents(directory / "__0_0.distcp");
  for (size_t size = 0; size < data.size(); size += 13) {
    put(directory / "__0_0.distcp", data.substr(0, size));
    EXPECT_THROW(TorchDistSource::open(directory.path()), Error) << size;
  }
}

TEST(TorchDistErrors, WhatIsNoCheckpoint) {
  const TemporaryDirectory directory;
  expect_refused(directory.path(), Kind::format, "has no metadata.json");
  expect_refused(directory / "absent", Kind::format, "has no metadata.json");
  Fake().write(directory.path());
  std::filesystem::remove(directory / ".metadata");
  expect_refused(directory.path(), Kind::environment, ".metadata");
  Fake().write(directory.path());
  put(directory / "common.pt", torch_file("common", Value::list({})));
  expect_refused(directory.path(), Kind::format, "the common state is a list, not a dict");
  put(directory / "common.pt", "x");
  expect_refused(directory.path(), Kind::format, "common.pt: 1 bytes are too few");
}

TEST(TorchDistErrors, AShrinkingFile) {
  const TemporaryDirectory directory;
  Fake().write(directory.path());
  const auto source = TorchDistSource::open(directory.path());
  std::filesystem::resize_file(directory / "__0_0.distcp", 900);
  std::string data(12, '?');
  EXPECT_NO_THROW(source->read(0, {{0, 0}, {2, 3}}, std::as_writable_bytes(std::span(data))));
  try {
    source->read(0, {{2, 0}, {2, 3}}, std::as_writable_bytes(std::span(data)));
    ADD_FAILURE() << "was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::environment);
    EXPECT_THAT(error.what(), HasSubstr("__0_0.distcp"));
  }
}

TEST(TorchDistErrors, AreCheap) {
  const TemporaryDirectory directory;
  const auto refused = [&] {
    try {
      TorchDistSource::open(directory.path());
      return false;
    } catch (const Error&) {
      return true;
    }
  };
  Fake().write(directory.path());
  // 20 MB of lists.
  put(directory / ".metadata", "\x80\x02" + std::string(20 << 20, ']'));
  expect_cheap(refused);
  // Chunks along a diagonal: the cuts would make 10^10 cells.
  DcpTensor diagonal{"weight", DType::bf16, {100000, 100000}, {}, {}, {}};
  for (int64_t i = 0; i < 100000; ++i) {
    diagonal.offsets.insert(diagonal.offsets.end(), {i, i});
    diagonal.sizes.insert(diagonal.sizes.end(), {1, 1});
  }
  diagonal.places.assign(100000, {0, 0, 1});
  put(directory / ".metadata", write_dcp_metadata({{"__0_0.distcp"}, {diagonal}, {}}));
  expect_cheap(refused);
}

}  // namespace
}  // namespace bascule
