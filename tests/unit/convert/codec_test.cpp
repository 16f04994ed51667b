#include "convert/codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "bascule/error.h"
#include "convert/cast.h"
#include "convert/executor.h"
#include "store/memory_source.h"

namespace bascule {
namespace {

template <class T>
std::vector<std::byte> raw(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<float> as_floats(std::span<const std::byte> bf16) {
  std::vector<float> out(bf16.size() / 2);
  cast(DType::bf16, bf16, DType::f32, std::as_writable_bytes(std::span(out)));
  return out;
}

Slots one_slot(Shape shape) {
  Slots slots;
  slots.add({.id = "w", .shape = std::move(shape)});
  return slots;
}

Dialect encoded_as(Codec codec, Layout layout) {
  Dialect dialect;
  dialect.bindings.push_back(encoded(codec, "w.weight", std::move(layout)));
  return dialect;
}

/// 130 x 200 values in four blocks with scales 1, 2, 4, 8: every stored value is 1.5.
MemorySource fp8_source() {
  MemorySource source;
  source.add({"w.weight", DType::f8_e4m3, {130, 200}},
             std::vector<std::byte>(130 * 200, static_cast<std::byte>(0x3C)));
  source.add({"w.weight_scale_inv", DType::f32, {2, 2}}, raw(std::vector<float>{1, 2, 4, 8}));
  return source;
}

TEST(Codec, Fp8BlocksDecodeThroughAPlan) {
  const MemorySource stored = fp8_source();
  const Slots slots = one_slot({130, 200});
  const Dialect from = encoded_as(Codec::fp8_block128, "w");
  const DecodedSource decoded(stored, from);
  ASSERT_EQ(decoded.tensors().size(), 1u);
  const Plan p = plan(slots, from, canonical(slots));
  const auto values = as_floats(gathered(Gather(p, {&decoded}), 0, {130, 200}, DType::bf16));
  EXPECT_EQ(values[0], 1.5f);
  EXPECT_EQ(values[128], 3.0f);
  EXPECT_EQ(values[128 * 200 + 127], 6.0f);
  EXPECT_EQ(values[129 * 200 + 199], 12.0f);
}

TEST(Codec, Fp8BlocksEncodeThroughAPlan) {
  MemorySource plain;
  std::vector<float> values(130 * 200);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 97) - 48;
  std::vector<std::byte> bf16(values.size() * 2);
  cast(DType::f32, std::as_bytes(std::span(values)), DType::bf16, bf16);
  plain.add({"w", DType::bf16, {130, 200}}, bf16);
  const Slots slots = one_slot({130, 200});
  const Dialect to = encoded_as(Codec::fp8_block128, "w");
  const Plan p = plan(slots, canonical(slots), to);
  const Gather gather(p, {&plain});
  const GatheredSource target(p, gather);
  const EncodedSource parts(target, to);
  ASSERT_EQ(parts.tensors().size(), 2u);
  EXPECT_EQ(parts.tensors()[0].dtype, DType::f8_e4m3);
  EXPECT_EQ(parts.tensors()[1].shape, (Shape{2, 2}));

  // What is written decodes to values within half a step of E4M3 (2^-4 relative).
  const Plan copy = identity(parts);
  const Gather write(copy, {&parts});
  MemorySource written;
  written.add(parts.tensors()[0], gathered(write, 0, {130, 200}, DType::f8_e4m3));
  written.add(parts.tensors()[1], gathered(write, 1, {2, 2}, DType::f32));
  const DecodedSource again(written, to);
  std::vector<std::byte> read(values.size() * 2);
  again.read(0, whole({130, 200}), read);
  const auto back = as_floats(read);
  for (size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(back[i], values[i], std::fabs(values[i]) / 16 + 1e-3) << i;

  // Parts are the same when read piece by piece.
  std::vector<std::byte> piece(5 * 7);
  parts.read(0, {{126, 125}, {4, 7}}, std::span(piece).first(28));
  const auto& all = written.data(0);
  for (size_t r = 0; r < 4; ++r)
    for (size_t c = 0; c < 7; ++c) EXPECT_EQ(piece[r * 7 + c], all[(126 + r) * 200 + 125 + c]);
}

TEST(Codec, Mxfp4DecodesAndEncodesWithoutLoss) {
  // 2 x 64 values: byte i holds the codes i % 16 (low) and 15 - i % 16 (high).
  std::vector<uint8_t> blocks(2 * 2 * 16), scales = {127, 128, 126, 130};
  for (size_t i = 0; i < blocks.size(); ++i)
    blocks[i] = static_cast<uint8_t>((i % 16) | (15 - i % 16) << 4);
  MemorySource stored;
  stored.add({"w.weight_blocks", DType::u8, {2, 2, 16}}, raw(blocks));
  stored.add({"w.weight_scales", DType::u8, {2, 2}}, raw(scales));
  const Slots slots = one_slot({64, 2});
  const Dialect from = encoded_as(Codec::mxfp4, turned("w"));  // stored turned, as GPT-OSS does
  const DecodedSource decoded(stored, from);
  EXPECT_EQ(decoded.tensors()[0].shape, (Shape{2, 64}));
  std::vector<std::byte> read(2 * 64 * 2);
  decoded.read(0, whole({2, 64}), read);
  const auto values = as_floats(read);
  EXPECT_EQ(values[2], 0.5f);   // code 1
  EXPECT_EQ(values[3], -4.0f);  // code 14
  EXPECT_EQ(values[32 + 2], 1.0f);
  EXPECT_EQ(values[64 + 2 * 7], 3.0f);  // code 7 is 6, scale 1/2
  EXPECT_EQ(values[96 + 2 * 7], 48.0f);

  const Plan p = plan(slots, from, from);
  const Gather gather(p, {&decoded});
  const GatheredSource target(p, gather);
  const EncodedSource parts(target, from);
  std::vector<std::byte> packed(blocks.size()), exponents(4);
  parts.read(*find(parts, "w.weight_scales"), whole({2, 2}), exponents);
  parts.read(*find(parts, "w.weight_blocks"), whole({2, 2, 16}), packed);
  EXPECT_EQ(exponents, raw(scales));
  for (size_t i = 0; i < packed.size(); ++i)
    EXPECT_EQ(packed[i], static_cast<std::byte>(blocks[i])) << i;
}

TEST(Codec, RefusesCutsInsideABlock) {
  MemorySource stored;
  stored.add({"w.weight_blocks", DType::u8, {2, 2, 16}}, std::vector<std::byte>(64));
  stored.add({"w.weight_scales", DType::u8, {2, 2}}, std::vector<std::byte>(4));
  const DecodedSource decoded(stored, encoded_as(Codec::mxfp4, "w"));
  std::vector<std::byte> out(2 * 16 * 2);
  EXPECT_THROW(decoded.read(0, {{0, 16}, {2, 16}}, out), Error);
}

TEST(Codec, RefusesScalesThatDoNotFit) {
  MemorySource stored;
  stored.add({"w.weight", DType::f8_e4m3, {130, 200}}, std::vector<std::byte>(130 * 200));
  stored.add({"w.weight_scale_inv", DType::f32, {1, 2}}, std::vector<std::byte>(8));
  EXPECT_THROW(DecodedSource(stored, encoded_as(Codec::fp8_block128, "w")), Error);
}

TEST(Codec, LeavesPlainTensorsAlone) {
  MemorySource stored;
  stored.add({"w.weight", DType::bf16, {2, 2}}, std::vector<std::byte>(8, std::byte{7}));
  const DecodedSource decoded(stored, encoded_as(Codec::fp8_block128, "w"));
  std::vector<std::byte> out(8);
  decoded.read(0, whole({2, 2}), out);
  EXPECT_EQ(out, stored.data(0));
}

}  // namespace
}  // namespace bascule
