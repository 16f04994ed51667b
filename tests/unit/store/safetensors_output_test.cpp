#include "store/safetensors_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/hf_directory.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/store/safetensors_bytes.h"
#include "unit/store/write_output.h"

namespace bascule {
namespace {

using testing::ElementsAre;
using Shards = std::vector<SafetensorsShard>;

TensorInfo bytes_named(const std::string& name, int64_t size) { return {name, DType::u8, {size}}; }

TEST(GroupShards, AsTransformersDoes) {
  const std::vector<TensorInfo> tensors = {bytes_named("a", 60), bytes_named("b", 40),
                                           bytes_named("c", 1), bytes_named("d", 101),
                                           bytes_named("e", 100)};
  EXPECT_EQ(group_shards(tensors, 1000),
            (Shards{{"model.safetensors", {"a", "b", "c", "d", "e"}}}));
  // A tensor beyond the limit gets its file before the one that is being filled is closed.
  EXPECT_EQ(group_shards(tensors, 100), (Shards{{"model-00001-of-00004.safetensors", {"a", "b"}},
                                                {"model-00002-of-00004.safetensors", {"d"}},
                                                {"model-00003-of-00004.safetensors", {"c"}},
                                                {"model-00004-of-00004.safetensors", {"e"}}}));
  EXPECT_EQ(group_shards({}), (Shards{{"model.safetensors", {}}}));
}

TEST(SafetensorsOutput, TheBytesOfOneFile) {
  const TemporaryDirectory dir;
  const Output output = safetensors_output({{"w", DType::bf16, {2, 2}}, {"s", DType::f32, {}}},
                                           {{"model.safetensors", {"s", "w"}}});
  EXPECT_TRUE(output.small_files.empty()) << "one file needs no index";
  write_output(output, {{"w", "01234567"}, {"s", "abcd"}}, dir.path());
  std::string header =
      R"({"__metadata__":{"format":"pt"},"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
      R"("w":{"dtype":"BF16","shape":[2,2],"data_offsets":[4,12]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  EXPECT_EQ(contents(dir / "model.safetensors"), safetensors(header, "abcd01234567"));
}

TEST(SafetensorsOutput, ScalarsEmptyTensorsAndEmptyFiles) {
  const TemporaryDirectory dir;
  const Output output = safetensors_output(
      {{"none", DType::f32, {0, 4}}, {"one", DType::i64, {}}, {"half", DType::f4, {2, 3}}},
      {{"a.safetensors", {"none", "one", "half"}}, {"b.safetensors", {}}}, {});
  write_output(output, {{"none", ""}, {"one", "12345678"}, {"half", "xyz"}}, dir.path());
  const SafetensorsSource source({dir / "a.safetensors", dir / "b.safetensors"});
  ASSERT_EQ(source.tensors().size(), 3u);
  EXPECT_EQ(source.tensors()[1].shape, (Shape{0, 4}));
  EXPECT_TRUE(source.shards()[0].metadata.empty());
  EXPECT_EQ(contents(dir / "b.safetensors"), safetensors("{}      "));
}

TEST(SafetensorsOutput, ShardsComeWithAnIndexThatOpens) {
  const TemporaryDirectory dir;
  const std::vector<TensorInfo> tensors = {bytes_named("b.\"q\"", 3), bytes_named("a", 2),
                                           bytes_named("c", 4)};
  const Output output = safetensors_output(tensors, group_shards(tensors, 5));
  ASSERT_EQ(output.small_files.size(), 1u);
  EXPECT_EQ(output.small_files[0].name, "model.safetensors.index.json");
  EXPECT_EQ(output.small_files[0].bytes, R"({
  "metadata": {
    "total_size": 9
  },
  "weight_map": {
    "a": "model-00001-of-00002.safetensors",
    "b.\"q\"": "model-00001-of-00002.safetensors",
    "c": "model-00002-of-00002.safetensors"
  }
}
)");
  write_output(output, {{"a", "aa"}, {"b.\"q\"", "bbb"}, {"c", "cccc"}}, dir.path());
  const HfDirectory model = open_hf_directory(dir.path());
  EXPECT_THAT(model.warnings, ElementsAre());
  ASSERT_EQ(model.weights->shards().size(), 2u);
  EXPECT_THAT(model.weights->shards()[0].tensors, ElementsAre(1, 0)) << "the order given";
}

TEST(SafetensorsOutput, KeepsTheOrderUnlessItMisaligns) {
  const auto order = [](const std::vector<TensorInfo>& tensors) {
    std::vector<std::string> names;
    names.reserve(tensors.size());
    for (const TensorInfo& tensor : tensors) names.push_back(tensor.name);
    const Output output = safetensors_output(tensors, {{"m", names}});
    names.clear();
    for (const Unit& unit : output.units) {
      names.push_back(output.tensors[unit.tensor].name);
      EXPECT_EQ(unit.data_offset() * 8 % bits(output.tensors[unit.tensor].dtype), 0);
    }
    return names;
  };
  EXPECT_THAT(order({{"a", DType::bf16, {2}}, {"b", DType::f32, {1}}, {"c", DType::u8, {1}}}),
              ElementsAre("a", "b", "c"));
  EXPECT_THAT(order({{"a", DType::u8, {1}}, {"b", DType::bf16, {1}}, {"c", DType::f32, {1}}}),
              ElementsAre("c", "b", "a"));
  EXPECT_THAT(order({{"z", DType::bf16, {1}}, {"y", DType::bf16, {1}}, {"x", DType::f64, {1}}}),
              ElementsAre("x", "z", "y"));
}

TEST(SafetensorsOutput, RefusesWhatIsNotInOneShard) {
  const std::vector<TensorInfo> tensors = {bytes_named("a", 1), bytes_named("b", 1)};
  expect_error(Kind::internal, "tensor \"b\" is in no shard", [&] {
    safetensors_output(tensors, {{"m", {"a"}}});
  });
  expect_error(Kind::internal, "is to hold tensor \"a\", which is unknown or in a shard already",
               [&] {
                 safetensors_output(tensors, {{"m", {"a", "b"}}, {"n", {"a"}}});
               });
  expect_error(Kind::internal, "is to hold tensor \"c\", which is unknown", [&] {
    safetensors_output(tensors, {{"m", {"a", "b", "c"}}});
  });
  expect_error(Kind::internal, "tensor \"a\" is to be written twice", [&] {
    safetensors_output({bytes_named("a", 1), bytes_named("a", 1)}, {{"m", {"a"}}});
  });
}

}  // namespace
}  // namespace bascule
