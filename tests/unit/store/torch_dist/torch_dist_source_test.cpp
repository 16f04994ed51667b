#include "store/torch_dist/torch_dist_source.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "bascule/error.h"
#include "base/crc.h"
#include "store/torch_dist/pickle.h"
#include "store/torch_dist/torch_archive.h"

namespace bascule {
namespace {

constexpr const char* kData = "tests/unit/store/torch_dist/data/";
constexpr const char* kGolden = "tests/golden/";

std::unique_ptr<TorchDistSource> golden(const std::string& name) {
  return TorchDistSource::open(kGolden + name + "/megatron/iter_0000000");
}

std::vector<std::byte> read(const TorchDistSource& source, size_t index, const Box& box) {
  std::vector<std::byte> data(
      static_cast<size_t>(bytes(source.tensors()[index].dtype, elements(box.extent))));
  source.read(index, box, data);
  return data;
}

// "name dtype shape crc32", the lines of data/expected.py: what torch reads from the same files.
std::string table(const TorchDistSource& source) {
  std::string lines;
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    const TensorInfo& tensor = source.tensors()[i];
    const auto data = read(source, i, whole(tensor.shape));
    const std::string shape =
        tensor.shape.empty() ? "-" : fmt::format("{}", fmt::join(tensor.shape, ","));
    lines += fmt::format("{} {} {} {:08x}\n", tensor.name, torch_name(tensor.dtype), shape,
                         crc32(0, data));
  }
  return lines;
}

TEST(TorchDistSource, ReadsWhatTorchReads) {
  const std::pair<std::string, std::string> rows[] = {
      {"ck1", std::string(kData) + "ck1"},
      {"bridge1", std::string(kData) + "bridge1"},
      {"llama_tp2", std::string(kGolden) + "llama_tp2/megatron/iter_0000000"},
      {"qwen3_moe", std::string(kGolden) + "qwen3_moe/megatron/iter_0000000"},
      {"deepseek_v3", std::string(kGolden) + "deepseek_v3/megatron/iter_0000000"},
  };
  for (const auto& [name, directory] : rows) {
    std::ifstream file(fmt::format("{}expected/{}.txt", kData, name));
    std::stringstream expected;
    expected << file.rdbuf();
    EXPECT_EQ(table(*TorchDistSource::open(directory)), expected.str()) << name;
  }
}

TEST(TorchDistSource, ReadsAnyBox) {
  const auto source = golden("llama_tp2");
  std::mt19937 random(1);
  for (size_t index = 0; index < source->tensors().size(); ++index) {
    const TensorInfo& tensor = source->tensors()[index];
    const size_t element = static_cast<size_t>(bits(tensor.dtype) / 8);
    const auto all = read(*source, index, whole(tensor.shape));
    const Shape steps = strides(tensor.shape);
    for (int trial = 0; trial < 50; ++trial) {
      Box box = whole(tensor.shape);
      for (size_t d = 0; d < box.at.size(); ++d) {
        box.at[d] = std::uniform_int_distribution<int64_t>(0, tensor.shape[d] - 1)(random);
        box.extent[d] =
            std::uniform_int_distribution<int64_t>(0, tensor.shape[d] - box.at[d])(random);
      }
      const auto part = read(*source, index, box);
      const Shape part_steps = strides(box.extent);
      for (int64_t i = 0; i < elements(box.extent); ++i) {
        int64_t at = 0;
        for (size_t d = 0; d < box.at.size(); ++d)
          at += (box.at[d] + i / part_steps[d] % box.extent[d]) * steps[d];
        ASSERT_EQ(std::memcmp(&part[static_cast<size_t>(i) * element],
                              &all[static_cast<size_t>(at) * element], element),
                  0)
            << tensor.name << " at " << to_string(box.at) << " extent " << to_string(box.extent)
            << " element " << i;
      }
    }
  }
}

TEST(TorchDistSource, ReadsFromManyThreads) {
  const auto source = golden("qwen3_moe");
  const std::string once = table(*source);
  const auto fresh = golden("qwen3_moe");
  std::vector<std::string> all(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(all.size());
    for (std::string& lines : all) threads.emplace_back([&] { lines = table(*fresh); });
  }
  for (const std::string& lines : all) EXPECT_EQ(lines, once);
}

TEST(TorchDistSource, ListsChunksAndFiles) {
  const auto source = golden("llama_tp2");
  EXPECT_EQ(source->files(), (std::vector<std::string>{"__0_0.distcp", "__0_1.distcp",
                                                       "__1_0.distcp", "__1_1.distcp"}));
  const auto index = find(*source, "decoder.layers.mlp.linear_fc1.weight");
  ASSERT_TRUE(index);
  EXPECT_EQ(source->tensors()[*index].shape, (Shape{3, 304, 96}));
  const std::vector<Box> chunks = source->chunks(*index);
  ASSERT_EQ(chunks.size(), 12u);  // 3 layers, gate and up, 2 ranks
  EXPECT_EQ(chunks[0], (Box{{0, 0, 0}, {1, 76, 96}}));
  EXPECT_EQ(chunks[11], (Box{{2, 228, 0}, {1, 76, 96}}));
  const auto [file, offset] = source->place(*index);
  EXPECT_LT(file, 4u);
  EXPECT_GT(offset, 0);
}

TEST(TorchDistSource, ReadsObjects) {
  const auto llama = golden("llama");
  EXPECT_EQ(llama->objects().size(), 13u);
  EXPECT_EQ(llama->objects()[0], "decoder.final_layernorm._extra_state/shard_0_1");
  const pickle::Value state = llama->read_object(llama->objects()[0]);
  ASSERT_EQ(state.size(), 1u);
  const SavedTensor tensor = saved_tensor(state.at(0));
  EXPECT_EQ(tensor.dtype, DType::u8);
  EXPECT_EQ(tensor.shape, Shape{0});

  const auto bridge = TorchDistSource::open(std::string(kData) + "bridge1");
  EXPECT_EQ(to_string(bridge->read_object("decoder.layers.mlp.linear_fc1._extra_state/shard_0_2")),
            "[None]");
  EXPECT_THROW(bridge->read_object("absent"), Error);
}

TEST(TorchDistSource, ReadsTheCommonState) {
  const char* expected =
      "{'checkpoint_version': 3, 'iteration': 0, 'content_metadata': {'singleton_local_shards': "
      "False, 'chained_optim_avoid_prefix': True}}";
  const auto old = golden("llama");  // common.pt
  ASSERT_TRUE(old->common());
  EXPECT_EQ(to_string(*old->common()), expected);
  EXPECT_EQ(old->iteration(), 0);
  EXPECT_TRUE((*old->content_metadata())["chained_optim_avoid_prefix"].boolean());
  const auto recent = TorchDistSource::open(std::string(kData) + "bridge1");  // an object
  ASSERT_TRUE(recent->common());
  EXPECT_EQ(to_string(*recent->common()), expected);
  EXPECT_EQ((*recent->common())["iteration"].integer(), 0);
}

TEST(TorchDistSource, ReadsTheTrainState) {
  EXPECT_EQ(golden("llama")->train_state(), TrainState());  // int32
  EXPECT_EQ(TorchDistSource::open(std::string(kData) + "bridge1")->train_state(), TrainState());
  EXPECT_FALSE(TorchDistSource::open(std::string(kData) + "ck1")->train_state());
}

TEST(TorchDistSource, KnowsItsDirectories) {
  EXPECT_TRUE(is_torch_dist(std::string(kData) + "ck1"));
  EXPECT_FALSE(is_torch_dist(kData));
  EXPECT_FALSE(is_torch_dist(std::string(kData) + "absent"));
}

TEST(TorchDistSource, RefusesWrongBoxes) {
  const auto source = TorchDistSource::open(std::string(kData) + "ck1");
  std::vector<std::byte> room(96);
  const size_t index = *find(*source, "embedding.word_embeddings.weight");  // [8, 6] of bf16
  EXPECT_NO_THROW(source->read(index, {{0, 0}, {8, 6}}, room));
  for (const Box& box : {Box{{0}, {8}}, Box{{0, 0}, {9, 6}}, Box{{1, 0}, {8, 6}},
                         Box{{-1, 0}, {8, 6}}, Box{{0, 0}, {8, 5}}})
    EXPECT_THROW(source->read(index, box, room), Error) << to_string(box.at);
}

}  // namespace
}  // namespace bascule
