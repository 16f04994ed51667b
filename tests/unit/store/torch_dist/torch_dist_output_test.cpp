#include "store/torch_dist/torch_dist_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bascule/error.h"
#include "store/torch_dist/pickle.h"
#include "store/torch_dist/torch_archive.h"
#include "store/torch_dist/torch_dist_source.h"
#include "store/torch_dist/torch_file.h"
#include "unit/store/torch_dist/write_checkpoint.h"

namespace bascule {
namespace {

using pickle::Value;
using testing::HasSubstr;

TorchDistRequest sample() {
  TorchDistRequest request;
  request.tensors = {
      {{"decoder.layers.mlp.linear_fc1.weight", DType::bf16, {2, 8, 6}},
       {{{0, 0, 0}, {1, 4, 6}},
        {{0, 4, 0}, {1, 4, 6}},
        {{1, 0, 0}, {1, 4, 6}},
        {{1, 4, 0}, {1, 4, 6}}}},
      {{"embedding.word_embeddings.weight", DType::bf16, {100, 6}}, {{{0, 0}, {100, 6}}}},
      {{"bias", DType::f32, {7}}, {{{0}, {7}}}},
      {{"scalar", DType::f32, {}}, {{{}, {}}}},
      {{"nothing", DType::i64, {0, 3}}, {{{0, 0}, {0, 3}}}},
      {{"quantized", DType::f8_e4m3, {3, 5}}, {{{0, 0}, {3, 5}}}},
      {{"wide", DType::u16, {2}}, {{{0}, {2}}}},
  };
  request.extra_states = {"decoder.layers.mlp.linear_fc1._extra_state/shard_0_2",
                          "decoder.layers.mlp.linear_fc1._extra_state/shard_1_2"};
  request.common = common_state(7);
  request.train_state = {.step = 7,
                         .consumed_train_samples = int64_t{1} << 40,
                         .skipped_train_samples = 3,
                         .consumed_valid_samples = 4,
                         .floating_point_operations_so_far = 1.5e20f,
                         .do_train = true,
                         .do_valid = false,
                         .do_test = true};
  return request;
}

MemorySource memory(const TorchDistRequest& request) {
  MemorySource source;
  unsigned seed = 0;
  for (const TorchDistTensor& tensor : request.tensors)
    source.add(tensor.info, pattern(tensor.info, ++seed));
  return source;
}

void expect_same(const TorchDistSource& written, const MemorySource& source) {
  ASSERT_EQ(written.tensors().size(), source.tensors().size());
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    const TensorInfo& info = source.tensors()[i];
    EXPECT_EQ(written.tensors()[i].name, info.name);
    EXPECT_EQ(written.tensors()[i].dtype, info.dtype);
    EXPECT_EQ(written.tensors()[i].shape, info.shape);
    std::vector<std::byte> data(source.data(i).size());
    written.read(i, whole(info.shape), data);
    EXPECT_EQ(data, source.data(i)) << info.name;
  }
}

TEST(TorchDistOutput, ComesBack) {
  const TorchDistRequest request = sample();
  const MemorySource source = memory(request);
  const TemporaryDirectory directory;
  write_checkpoint(torch_dist_output(request), source, directory.path());
  const auto written = TorchDistSource::open(directory.path());
  expect_same(*written, source);
  EXPECT_EQ(written->objects(), request.extra_states);
  EXPECT_EQ(written->common(), request.common);
  EXPECT_EQ(written->iteration(), 7);
  EXPECT_EQ(written->train_state(), request.train_state);
  EXPECT_EQ(written->files(), (std::vector<std::string>{"__0_0.distcp", "__0_1.distcp"}));
  std::filesystem::remove(directory / "common.pt");
  std::filesystem::remove(directory / "train_state.pt");
  const auto bare = TorchDistSource::open(directory.path());
  EXPECT_FALSE(bare->common());
  EXPECT_FALSE(bare->iteration());
  EXPECT_FALSE(bare->content_metadata());
  EXPECT_FALSE(bare->train_state());
}

TEST(TorchDistOutput, IsWhatThePeersWrite) {
  const Output output = torch_dist_output(sample());
  const std::string peer = "tests/golden/llama/megatron/iter_0000000/";
  const auto small = [&](std::string_view name) {
    const auto at = std::ranges::find(output.small_files, name, &SmallFile::name);
    return at == output.small_files.end() ? std::string() : at->bytes;
  };
  EXPECT_EQ(small("metadata.json"), contents(peer + "metadata.json"));

  const TemporaryDirectory directory;
  put(directory / "common.pt", torch_file("common", common_state(0)));
  EXPECT_EQ(open_torch_file(directory / "common.pt").value(),
            open_torch_file(peer + "common.pt").value());
  put(directory / "train_state.pt", train_state_archive({}));
  EXPECT_EQ(open_torch_file(directory / "train_state.pt").value(),
            open_torch_file(peer + "train_state.pt").value());

  write_checkpoint(output, memory(sample()), directory.path());
  const std::string object = "decoder.layers.mlp.linear_fc1._extra_state/shard_0_";
  EXPECT_EQ(TorchDistSource::open(directory.path())->read_object(object + "2"),
            TorchDistSource::open(peer)->read_object(object + "3"));
}

TEST(TorchDistOutput, WideHasTheCommonObjectToo) {
  TorchDistRequest request = sample();
  request.compat = TorchDistCompat::wide;
  const TemporaryDirectory directory;
  write_checkpoint(torch_dist_output(request), memory(request), directory.path());
  const auto both = TorchDistSource::open(directory.path());
  EXPECT_EQ(both->objects().front(), "common_state/shard_0_1");
  EXPECT_EQ(both->common(), request.common);
  std::filesystem::remove(directory / "common.pt");
  const auto recent = TorchDistSource::open(directory.path());
  EXPECT_EQ(recent->common(), request.common);
  EXPECT_EQ(recent->read_object("common_state/shard_0_1"), Value::list({request.common}));
}

TEST(TorchDistOutput, NamesMayLoseASharedPrefix) {
  TorchDistRequest request;
  request.common = common_state(0);
  request.tensors = {{{"module.a", DType::bf16, {2}}, {{{0}, {2}}}},
                     {{"module.b", DType::bf16, {2}}, {{{0}, {2}}}}};
  request.extra_states = {"module.a._extra_state/shard_0_1", "a_first._extra_state/shard_0_1"};
  const TemporaryDirectory directory;
  write_checkpoint(torch_dist_output(request), memory(request), directory.path());
  const TorchDistOptions options{.strip_prefixes = {"model.", "module."}};
  const auto stripped = TorchDistSource::open(directory.path(), options);
  EXPECT_EQ(stripped->tensors()[0].name, "a");
  EXPECT_EQ(stripped->tensors()[1].name, "b");
  EXPECT_EQ(stripped->objects(), (std::vector<std::string>{"a._extra_state/shard_0_1",
                                                           "a_first._extra_state/shard_0_1"}));
  EXPECT_NO_THROW(stripped->read_object("a._extra_state/shard_0_1"));

  request.tensors[1].info.name = "other.b";
  const TemporaryDirectory mixed;
  write_checkpoint(torch_dist_output(request), memory(request), mixed.path());
  EXPECT_EQ(TorchDistSource::open(mixed.path(), options)->tensors()[0].name, "module.a");
}

TEST(TorchDistOutput, SplitsLargeChunks) {
  TorchDistRequest request = sample();
  request.chunk_limit = 30;  // 2 rows of 6 bf16; for fc1's [1, 4, 6] along dimension 1
  const MemorySource source = memory(request);
  const TemporaryDirectory directory;
  const Output output = torch_dist_output(request);
  write_checkpoint(output, source, directory.path());
  const auto written = TorchDistSource::open(directory.path());
  expect_same(*written, source);
  EXPECT_EQ(written->chunks(*find(*written, "embedding.word_embeddings.weight")).size(), 50u);
  const auto chunks = written->chunks(*find(*written, "decoder.layers.mlp.linear_fc1.weight"));
  ASSERT_EQ(chunks.size(), 8u);
  EXPECT_EQ(chunks[1], (Box{{0, 2, 0}, {1, 2, 6}}));
  for (const Unit& unit : output.units) EXPECT_LE(unit.data_bytes, 30);

  request.chunk_limit = 1;  // not even one element of bf16: parts of one
  write_checkpoint(torch_dist_output(request), source, directory.path());
  expect_same(*TorchDistSource::open(directory.path()), source);
}

TEST(TorchDistOutput, FillsFilesEvenly) {
  TorchDistRequest request;
  request.common = common_state(0);
  for (int i = 0; i < 40; ++i)
    request.tensors.push_back({{std::to_string(i), DType::bf16, {100, 10}}, {{{0, 0}, {100, 10}}}});
  for (const int files : {1, 2, 3, 7}) {
    request.files = files;
    const Output output = torch_dist_output(request);
    ASSERT_EQ(output.files.size(), static_cast<size_t>(files));
    const auto [least, most] = std::ranges::minmax(output.files, {}, &OutputFile::size);
    EXPECT_LE(most.size - least.size, 4000);
    EXPECT_EQ(output.files.back().name, "__0_" + std::to_string(files - 1) + ".distcp");
  }
  request.files = 100;
  EXPECT_EQ(torch_dist_output(request).files.size(), 40u);
}

TEST(TorchDistOutput, PutsObjectsFirstAndAlignsData) {
  const Output output = torch_dist_output(sample());
  EXPECT_EQ(output.units[0].tensor, Unit::kNoTensor);
  for (size_t i = 1; i < output.units.size(); ++i) {
    const Unit& unit = output.units[i];
    EXPECT_NE(unit.tensor, Unit::kNoTensor);
    EXPECT_EQ(unit.before().size() % 64, 0u);
  }
}

TEST(TorchDistOutput, ChunksOfOneShapeShareTheirFrame) {
  TorchDistRequest request = sample();
  request.tensors.clear();
  for (const DType dtype : {DType::bf16, DType::f32})
    for (const int64_t rows : {4, 4, 8})
      request.tensors.push_back({{std::to_string(request.tensors.size()), dtype, {rows, 2}},
                                 {{{0, 0}, {rows / 2, 2}}, {{rows / 2, 0}, {rows / 2, 2}}}});
  std::map<std::pair<DType, Shape>, std::set<const Frame*>> frames;
  std::set<const Frame*> all;
  const Output output = torch_dist_output(request);
  for (const Unit& unit : output.units) {
    if (unit.tensor == Unit::kNoTensor) continue;
    frames[{output.tensors[unit.tensor].dtype, unit.box.extent}].insert(unit.frame.get());
    all.insert(unit.frame.get());
  }
  EXPECT_EQ(frames.size(), 4u);
  EXPECT_EQ(all.size(), frames.size());
}

TEST(TorchDistOutput, Refuses) {
  struct Row {
    const char* what;
    TorchDistRequest request;
    const char* message;
  };
  const auto with = [](auto&& change) {
    TorchDistRequest request = sample();
    change(request);
    return request;
  };
  const Row rows[] = {
      {"a hole", with([](auto& r) { r.tensors[0].chunks.pop_back(); }),
       "the chunks to write are wrong"},
      {"an overlap", with([](auto& r) {
         r.tensors[0].chunks.push_back({{0, 0, 0}, {1, 4, 6}});
       }),
       "overlap"},
      {"another rank", with([](auto& r) {
         r.tensors[0].chunks[0] = {{0}, {8}};
       }),
       "a chunk at [0]"},
      {"outside", with([](auto& r) {
         r.tensors[2].chunks[0] = {{0}, {8}};
       }),
       "reaches outside"},
      {"a name twice", with([](auto& r) { r.tensors[1].info.name = r.tensors[0].info.name; }),
       "is to be written twice"},
      {"no name", with([](auto& r) { r.tensors[1].info.name.clear(); }), "has no name"},
      {"an object twice", with([](auto& r) { r.extra_states[1] = r.extra_states[0]; }), "twice"},
      {"a slash too many", with([](auto& r) { r.extra_states[1] = "a/b/shard_0_1"; }),
       "no name of the form"},
      {"no shard", with([](auto& r) { r.extra_states[1] = "a._extra_state"; }),
       "no name of the form"},
      {"no files", with([](auto& r) { r.files = 0; }), "0 data files"},
      {"no limit", with([](auto& r) { r.chunk_limit = 0; }), "a limit of 0 bytes a chunk"},
      {"a limit of 4 GiB", with([](auto& r) { r.chunk_limit = int64_t{4} << 30; }),
       "a limit of 4294967296"},
      {"no common state", with([](auto& r) { r.common = Value(); }), "the common state is a None"},
      {"a dtype torch lacks", with([](auto& r) {
         r.tensors[2].info.dtype = DType::f6_e2m3;
         r.tensors[2].info.shape = {8};
         r.tensors[2].chunks = {{{0}, {8}}};
       }),
       "torch has no dtype for F6_E2M3"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    try {
      torch_dist_output(row.request);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(row.message));
    }
  }
}

// Chunks cut across the fastest dimension come together through a buffer smaller than they are.
TEST(TorchDistOutput, JoinsWideColumns) {
  TorchDistRequest request;
  request.common = common_state(0);
  request.tensors = {{{"weight", DType::bf16, {3, 4, 400'000}},
                      {{{0, 0, 0}, {3, 4, 150'000}}, {{0, 0, 150'000}, {3, 4, 250'000}}}}};
  const MemorySource source = memory(request);
  const TemporaryDirectory directory;
  write_checkpoint(torch_dist_output(request), source, directory.path());
  expect_same(*TorchDistSource::open(directory.path()), source);
}

TEST(TorchDistOutput, MoreFilesThanAreKeptOpen) {
  TorchDistRequest request;
  request.common = common_state(0);
  request.files = 300;
  for (int i = 0; i < 300; ++i)
    request.tensors.push_back({{std::to_string(i), DType::bf16, {2}}, {{{0}, {2}}}});
  const MemorySource source = memory(request);
  const TemporaryDirectory directory;
  write_checkpoint(torch_dist_output(request), source, directory.path());
  const auto written = TorchDistSource::open(directory.path());
  EXPECT_EQ(written->files().size(), 300u);
  expect_same(*written, source);
}

// Big mixtures of experts have 10^5 chunks.
TEST(TorchDistOutput, TwentyThousandChunks) {
  TorchDistRequest request;
  request.common = common_state(0);
  TorchDistTensor tensor{
      {"decoder.layers.mlp.experts.experts.linear_fc1.weight", DType::bf16, {20, 500, 4}}, {}};
  for (int64_t layer = 0; layer < 20; ++layer)
    for (int64_t expert = 0; expert < 500; ++expert)
      for (int64_t half = 0; half < 2; ++half)
        tensor.chunks.push_back({{layer, expert, 2 * half}, {1, 1, 2}});
  request.tensors.push_back(std::move(tensor));
  const MemorySource source = memory(request);
  const TemporaryDirectory directory;
  write_checkpoint(torch_dist_output(request), source, directory.path());
  const auto written = TorchDistSource::open(directory.path());
  EXPECT_EQ(written->chunks(0).size(), 20000u);
  std::vector<std::byte> one(4), expected(4);
  for (const Box& box : {Box{{19, 499, 2}, {1, 1, 2}}, Box{{10, 3, 1}, {1, 1, 2}}}) {
    written->read(0, box, one);
    source.read(0, box, expected);
    EXPECT_EQ(one, expected);
  }
}

}  // namespace
}  // namespace bascule
