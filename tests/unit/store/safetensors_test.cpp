#include "store/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/workers.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/store/safetensors_bytes.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::Pair;

std::string read(const TensorSource& source, std::string_view name, const Box& box) {
  const size_t index = find(source, name).value();
  const DType dtype = source.tensors()[index].dtype;
  std::string out(static_cast<size_t>(bytes(dtype, elements(box.extent))), '?');
  source.read(index, box, std::as_writable_bytes(std::span(out)));
  return out;
}

TEST(Safetensors, ReadsAFile) {
  const TemporaryDirectory dir;
  put(dir / "m.safetensors",
      safetensors(R"({"__metadata__":{"format":"pt","a":"\u00e9"},)"
                  R"("b":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},)"
                  R"("a":{"data_offsets":[12,20],"shape":[],"dtype":"F64"}}   )",
                  counting(20)));
  const SafetensorsFile file(dir / "m.safetensors");
  EXPECT_THAT(file.header().metadata, ElementsAre(Pair("a", "é"), Pair("format", "pt")));
  const SafetensorsSource source({dir / "m.safetensors"});
  ASSERT_EQ(source.tensors().size(), 2u);
  EXPECT_EQ(source.tensors()[0].name, "a");
  EXPECT_EQ(source.tensors()[0].dtype, DType::f64);
  EXPECT_EQ(source.tensors()[0].shape, Shape{});
  EXPECT_EQ(source.tensors()[1].shape, (Shape{2, 3}));
  EXPECT_EQ(source.place(1), std::pair(size_t{0}, file.data_begin()));
  EXPECT_EQ(read(source, "a", {}), counting(20).substr(12));
  EXPECT_EQ(read(source, "b", whole({2, 3})), counting(12));
  EXPECT_EQ(read(source, "b", {{1, 1}, {1, 2}}), counting(12).substr(8, 4));
  ASSERT_EQ(source.shards().size(), 1u);
  EXPECT_EQ(source.shards()[0].name, "m.safetensors");
  EXPECT_THAT(source.shards()[0].tensors, ElementsAre(1, 0)) << "data order, not name order";
}

TEST(Safetensors, HeaderOrderNeedNotBeDataOrder) {
  const SafetensorsHeader header =
      parse_safetensors_header(R"({"z":{"dtype":"U8","shape":[1],"data_offsets":[3,4]},)"
                               R"("y":{"dtype":"U8","shape":[0],"data_offsets":[3,3]},)"
                               R"("x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})",
                               4, "m");
  std::vector<std::string> names;
  for (const auto& entry : header.entries) names.push_back(entry.info.name);
  EXPECT_THAT(names, ElementsAre("x", "y", "z"));
}

TEST(Safetensors, EmptyFilesAndTensorsAreValid) {
  EXPECT_TRUE(parse_safetensors_header("{}", 0, "m").entries.empty());
  EXPECT_TRUE(parse_safetensors_header(R"({"__metadata__":{}})", 0, "m").entries.empty());
  const auto header =
      parse_safetensors_header(R"({"e":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]},)"
                               R"("":{"dtype":"I8","shape":[1,1],"data_offsets":[0,1]}})",
                               1, "m");
  EXPECT_EQ(header.entries[0].info.shape, (Shape{0, 7}));
  EXPECT_EQ(header.entries[1].info.name, "") << "the format allows it";
}

TEST(Safetensors, ReadsEveryDtype) {
  const std::vector<std::pair<std::string, int64_t>> bytes_of_eight = {
      {"BOOL", 8},    {"U8", 8},      {"I8", 8},          {"U16", 16},        {"I16", 16},
      {"U32", 32},    {"I32", 32},    {"U64", 64},        {"I64", 64},        {"F16", 16},
      {"BF16", 16},   {"F32", 32},    {"F64", 64},        {"C64", 64},        {"F8_E4M3", 8},
      {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6},
      {"F6_E3M2", 6}, {"F4", 4},
  };
  for (const auto& [dtype, size] : bytes_of_eight) {
    const std::string json = R"({"t":{"dtype":")" + dtype +
                             R"(","shape":[2,4],"data_offsets":[0,)" + std::to_string(size) + "]}}";
    const auto header = parse_safetensors_header(json, size, "m");
    EXPECT_EQ(safetensors_name(header.entries.at(0).info.dtype), dtype);
  }
}

TEST(SafetensorsSource, JoinsFiles) {
  const TemporaryDirectory dir;
  put(dir / "1.safetensors", one_tensor("b", "bb"));
  put(dir / "2.safetensors", one_tensor("a", "aaa"));
  put(dir / "3.safetensors", safetensors("{}"));
  const SafetensorsSource source(
      {dir / "1.safetensors", dir / "2.safetensors", dir / "3.safetensors"});
  EXPECT_EQ(read(source, "a", whole({3})), "aaa");
  EXPECT_EQ(read(source, "b", {{1}, {1}}), "b");
  EXPECT_EQ(source.place(0).first, 1u);
  EXPECT_THAT(source.shards()[0].tensors, ElementsAre(1));
  EXPECT_THAT(source.shards()[2].tensors, ElementsAre());
  put(dir / "4.safetensors", one_tensor("a", "x"));
  expect_error(Kind::format, "tensor \"a\" is in two files, ", [&] {
    SafetensorsSource({dir / "1.safetensors", dir / "2.safetensors", dir / "4.safetensors"});
  });
}

TEST(SafetensorsSource, SaysThatAFileShrank) {
  const TemporaryDirectory dir;
  put(dir / "m.safetensors", one_tensor("a", counting(100)));
  const SafetensorsSource source({dir / "m.safetensors"});
  const auto size = fs::file_size(dir / "m.safetensors");
  fs::resize_file(dir / "m.safetensors", size - 10);
  EXPECT_EQ(read(source, "a", {{0}, {90}}), counting(90));
  expect_error(Kind::environment,
               "m.safetensors is shorter than it was: " + std::to_string(size - 10) +
                   " bytes instead of " + std::to_string(size),
               [&] { read(source, "a", whole({100})); });
}

TEST(SafetensorsSource, IsReadByManyThreads) {
  const TemporaryDirectory dir;
  put(dir / "m.safetensors",
      safetensors(R"({"t":{"dtype":"U8","shape":[100,50],"data_offsets":[0,5000]}})",
                  counting(5000)));
  const SafetensorsSource source({dir / "m.safetensors"});
  parallel(4, 400, [&](size_t index, int) {
    const int64_t row = static_cast<int64_t>(index % 100);
    const std::string got = read(source, "t", {{row, 10}, {1, 20}});
    if (got != counting(5000).substr(static_cast<size_t>(row) * 50 + 10, 20))
      throw std::runtime_error("wrong bytes");
  });
}

}  // namespace
}  // namespace bascule
