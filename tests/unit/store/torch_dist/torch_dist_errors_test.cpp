// What is said about a .metadata that lies, and about directories that are no checkpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "bascule/error.h"
#include "store/torch_dist/dcp_metadata.h"
#include "store/torch_dist/torch_dist_source.h"
#include "unit/store/cost.h"
#include "unit/store/torch_dist/lies.h"

namespace bascule {
namespace {

using pickle::Value;
using testing::HasSubstr;

TEST(TorchDistErrors, TheFakeIsSound) {
  const TemporaryDirectory directory;
  Fake().write(directory.path());
  EXPECT_EQ(read_first(directory.path()), "000000000000111111111111");
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
  const auto json = [&](std::string text) { return member(&Fake::metadata_json, std::move(text)); };
  const auto dtype = [&](Value value) { return member(&Fake::dtype, std::move(value)); };
  const auto path = [&](std::string text) { return member(&Fake::path, std::move(text)); };
  const int64_t huge = int64_t{1} << 62;
  const Bad rows[] = {
      {"no JSON", json("{"), "metadata.json: not valid JSON"},
      {"a list", json("[]"), "names no sharded_backend"},
      {"a list of it", json(R"([{"sharded_backend": "torch_dist"}])"), "names no sharded_backend"},
      {"further down", json(R"({"a": {"sharded_backend": "torch_dist"}})"),
       "names no sharded_backend"},
      {"a deep version",
       json(R"({"sharded_backend": "torch_dist", "sharded_backend_version": )" +
            std::string(500'000, '[')),
       "nested deeper than 32"},
      {"a version that is a list",
       json(R"({"sharded_backend": "torch_dist", "sharded_backend_version": [1]})"),
       "version \"a list\"", Kind::unsupported},
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
      {"missing file", path("__7_0.distcp"),
       "__7_0.distcp is missing, and .metadata says that it holds tensors: the copy is not "
       "complete; copy the checkpoint again"},
      {"transformed", member(&Fake::transforms, Value::list({"zstd"})),
       "its bytes are transformed (['zstd'])", Kind::unsupported},
      {"short file", member(&Fake::missing_bytes, 1),
       "__0_0.distcp has 1723 bytes, but weight is said to be 862 bytes at byte 862"},
  };
  expect_refused(rows);
}

TEST(TorchDistErrors, EveryTruncationOfTheDirectory) {
  const TemporaryDirectory directory;
  Fake().write(directory.path());
  const std::string metadata = contents(directory / ".metadata");
  for (size_t size = 0; size < metadata.size(); size += 7) {
    put(directory / ".metadata", metadata.substr(0, size));
    EXPECT_THROW(TorchDistSource::open(directory.path()), Error) << size;
  }
  put(directory / ".metadata", metadata);
  const std::string data = contents(directory / "__0_0.distcp");
  for (size_t size = 0; size < data.size(); size += 29) {
    put(directory / "__0_0.distcp", data.substr(0, size));
    EXPECT_THROW(TorchDistSource::open(directory.path()), Error) << size;
  }
}

TEST(TorchDistErrors, OtherFormatsOfMegatron) {
  const TemporaryDirectory pickles, fsdp;
  put(pickles / "mp_rank_00_001/model_optim_rng.pt", "pickle");
  expect_refused(pickles.path(), Kind::unsupported, "--ckpt-convert-format torch_dist");
  Fake().write(fsdp.path());
  std::filesystem::remove(fsdp / "metadata.json");
  expect_refused(fsdp.path(), Kind::unsupported, "fsdp_dtensor");
}

TEST(TorchDistErrors, WhatIsNoCheckpoint) {
  const TemporaryDirectory directory;
  expect_refused(directory.path(), Kind::format, "has no metadata.json");
  expect_refused(directory / "absent", Kind::format, "has no metadata.json");
  Fake().write(directory.path());
  std::filesystem::remove(directory / ".metadata");
  expect_refused(directory.path(), Kind::format,
                 "has no .metadata, which lists the tensors: the copy is not complete; copy");
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
  diagonal.places.assign(100000, {0, 0, 2});
  put(directory / ".metadata", write_dcp_metadata({{"__0_0.distcp"}, {diagonal}, {}}));
  expect_cheap(refused);
}

}  // namespace
}  // namespace bascule
