#include "store/box_read.h"

#include <gtest/gtest.h>

#include <random>

#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/store/safetensors_bytes.h"

namespace bascule {
namespace {

std::string read(const File& file, int64_t offset, DType dtype, const Shape& shape,
                 const Box& box) {
  std::string out(static_cast<size_t>(bytes(dtype, elements(box.extent))), '?');
  read_box(file, offset, dtype, shape, box, std::as_writable_bytes(std::span(out)));
  return out;
}

// Element by element, for tensors of whole-byte elements.
std::string expected(const std::string& data, int64_t size, const Shape& shape, const Box& box) {
  std::string out;
  const Shape steps = strides(shape), inner = strides(box.extent);
  for (int64_t i = 0; i < elements(box.extent); ++i) {
    int64_t at = 0;
    for (size_t d = 0; d < shape.size(); ++d)
      at += (box.at[d] + i / inner[d] % box.extent[d]) * steps[d];
    out += data.substr(static_cast<size_t>(at * size), static_cast<size_t>(size));
  }
  return out;
}

TEST(BoxRead, EqualsElementByElement) {
  const TemporaryDirectory dir;
  std::mt19937 random(7);
  const auto below = [&](int64_t n) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
  };
  for (int trial = 0; trial < 300; ++trial) {
    Shape shape(static_cast<size_t>(below(5)));
    Box box;
    for (int64_t& extent : shape) {
      extent = 1 + below(9);
      box.at.push_back(below(extent));
      box.extent.push_back(1 + below(extent - box.at.back()));
      if (below(3) == 0) box.at.back() = 0, box.extent.back() = extent;
    }
    const std::string data = counting(static_cast<size_t>(elements(shape) * 2));
    put(dir / "f", "header" + data);
    EXPECT_EQ(read(File::open(dir / "f"), 6, DType::bf16, shape, box),
              expected(data, 2, shape, box))
        << to_string(shape) << " at " << to_string(box.at) << " of " << to_string(box.extent);
  }
}

// Wide enough that runs are joined, are read alone, and fill the buffer more than once.
TEST(BoxRead, LargeColumns) {
  const TemporaryDirectory dir;
  const Shape shape = {100, 60'000};
  const std::string data = counting(6'000'000);
  put(dir / "f", data);
  const File file = File::open(dir / "f");
  for (const int64_t width : {1, 1000, 30'000, 45'000, 59'999, 60'000})
    for (const int64_t at : {int64_t{0}, 60'000 - width}) {
      const Box box = {{3, at}, {90, width}};
      std::string want;
      for (int64_t row = 3; row < 93; ++row)
        want += data.substr(static_cast<size_t>(row * 60'000 + at), static_cast<size_t>(width));
      EXPECT_TRUE(read(file, 0, DType::u8, shape, box) == want) << width << " at " << at;
    }
  const Shape wide = {60, 100'000};
  const Box box = {{0, 1}, {60, 99'999}};
  std::string want;
  for (size_t row = 0; row < 60; ++row) want += data.substr(row * 100'000 + 1, 99'999);
  EXPECT_TRUE(read(file, 0, DType::u8, wide, box) == want);
}

TEST(BoxRead, NothingIsReadForAnEmptyBox) {
  const TemporaryDirectory dir;
  put(dir / "f", "");
  const File file = File::open(dir / "f");
  EXPECT_EQ(read(file, 99, DType::f32, {4, 4}, {{4, 0}, {0, 4}}), "");
  EXPECT_EQ(read(file, 99, DType::f32, {0}, {{0}, {0}}), "");
}

TEST(BoxRead, SubByteElements) {
  const TemporaryDirectory dir;
  put(dir / "f", counting(12));
  const File file = File::open(dir / "f");
  EXPECT_EQ(read(file, 0, DType::f4, {3, 8}, {{1, 2}, {2, 4}}), std::string("\5\6\11\12"));
  EXPECT_EQ(read(file, 0, DType::f6_e2m3, {4, 4}, {{2, 0}, {1, 4}}), std::string("\6\7\10"));
  EXPECT_EQ(read(file, 0, DType::f4, {24}, {{0}, {24}}), counting(12));
  for (const Box& box : {Box{{0, 1}, {1, 2}}, Box{{0, 0}, {2, 3}}})
    expect_error(Kind::unsupported, "does not fall on a whole byte", [&] {
      std::string out(static_cast<size_t>(elements(box.extent)) / 2, '?');
      read_box(file, 0, DType::f4, {3, 8}, box, std::as_writable_bytes(std::span(out)));
    });
  expect_error(Kind::unsupported, "of F4 does not fall on a whole byte", [&] {
    std::string out(2, '?');  // rows of 3 half bytes: the second begins within a byte
    read_box(file, 0, DType::f4, {4, 3}, {{0, 0}, {2, 2}}, std::as_writable_bytes(std::span(out)));
  });
}

TEST(BoxRead, RefusesBoxesThatDoNotFit) {
  const TemporaryDirectory dir;
  put(dir / "f", counting(64));
  const File file = File::open(dir / "f");
  constexpr int64_t kHuge = INT64_MAX;
  const std::vector<Box> boxes = {
      {{0}, {4}},           {{0, 0}, {5, 4}},     {{1, 0}, {4, 4}},
      {{-1, 0}, {4, 4}},    {{0, 0}, {-1, 4}},    {{5, 0}, {0, 4}},
      {{kHuge, 0}, {1, 4}}, {{1, 0}, {kHuge, 4}}, {{0, 0, 0}, {1, 1, 1}}};
  for (const Box& box : boxes)
    expect_error(Kind::internal, "is not inside of a tensor of [4, 4]", [&] {
      read_box(file, 0, DType::u8, {4, 4}, box, {});
    });
  std::string out(3, '?');
  expect_error(Kind::internal, "a box of 4 bytes is read into 3", [&] {
    read_box(file, 0, DType::u8, {4, 4}, {{0, 0}, {1, 4}}, std::as_writable_bytes(std::span(out)));
  });
}

}  // namespace
}  // namespace bascule
