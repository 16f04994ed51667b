#include "convert/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "convert/block_codec.h"
#include "convert/cast.h"

namespace bascule {
namespace {

struct Parts {
  const char *values, *scales;
};
Parts parts_of(Codec codec) {
  return codec == Codec::mxfp4 ? Parts{"_blocks", "_scales"} : Parts{"", "_scale_inv"};
}

template <class T>
std::vector<T> read_as(const TensorSource& source, size_t index, const Box& box) {
  const int64_t size = bytes(source.tensors()[index].dtype, elements(box.extent));
  std::vector<T> out(as_index(size) / sizeof(T));
  source.read(index, box, std::as_writable_bytes(std::span(out)));
  return out;
}

/// Reads a box of any float tensor as floats.
std::vector<float> floats(const TensorSource& source, size_t index, const Box& box) {
  const DType dtype = source.tensors()[index].dtype;
  const auto raw = read_as<std::byte>(source, index, box);
  std::vector<float> out(as_index(elements(box.extent)));
  cast(dtype, raw, DType::f32, std::as_writable_bytes(std::span(out)));
  return out;
}

/// The box of blocks that a box of values touches, the last two dimensions in blocks of 128.
Box blocks_of(const Box& box) {
  Box blocks = box;
  for (size_t d = box.at.size() - 2; d < box.at.size(); ++d) {
    blocks.at[d] = box.at[d] / kFp8Block;
    blocks.extent[d] = (box.at[d] + box.extent[d] - 1) / kFp8Block - blocks.at[d] + 1;
  }
  return blocks;
}

/// Calls `visit(value index in box, block index in blocks)` for each value.
template <class Visit>
void each_value(const Box& box, const Box& blocks, const Visit& visit) {
  const size_t rank = box.at.size();
  const int64_t rows = box.extent[rank - 2], columns = box.extent[rank - 1];
  const int64_t block_rows = blocks.extent[rank - 2], block_columns = blocks.extent[rank - 1];
  const int64_t outer = elements(box.extent) / std::max<int64_t>(1, rows * columns);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        const int64_t br = (box.at[rank - 2] + r) / kFp8Block - blocks.at[rank - 2];
        const int64_t bc = (box.at[rank - 1] + c) / kFp8Block - blocks.at[rank - 1];
        visit(as_index((o * rows + r) * columns + c),
              as_index((o * block_rows + br) * block_columns + bc));
      }
}

/// The values that a box of blocks covers, cut at the tensor's edge.
Box values_of(const Box& blocks, const Shape& shape) {
  Box box = blocks;
  for (size_t d = shape.size() - 2; d < shape.size(); ++d) {
    box.at[d] = blocks.at[d] * kFp8Block;
    box.extent[d] = std::min(blocks.extent[d] * kFp8Block, shape[d] - box.at[d]);
  }
  return box;
}

std::vector<float> largest_in_blocks(const std::vector<float>& values, const Box& box,
                                     const Box& blocks) {
  std::vector<float> largest(as_index(elements(blocks.extent)), 0);
  each_value(box, blocks, [&](size_t value, size_t block) {
    largest[block] = std::max(largest[block], std::fabs(values[value]));
  });
  return largest;
}

/// Shapes of the parts of a plain tensor.
Shape scales_shape(Codec codec, Shape shape, const std::string& name) {
  if (codec == Codec::mxfp4) {
    require(!shape.empty() && shape.back() % kMxBlock == 0, Kind::unsupported,
            "{}: mxfp4 needs a last dimension that divides by {}", name, kMxBlock);
    shape.back() /= kMxBlock;
    return shape;
  }
  require(shape.size() >= 2, Kind::unsupported, "{}: block-scaled fp8 needs a matrix", name);
  for (size_t d = shape.size() - 2; d < shape.size(); ++d)
    shape[d] = (shape[d] + kFp8Block - 1) / kFp8Block;
  return shape;
}

void check_scales(const TensorInfo& values, const TensorInfo& scales, const Shape& wanted) {
  if (scales.shape != wanted)
    fail(Kind::mismatch, "{} has shape {}, but {} of shape {} needs {}", scales.name,
         to_string(scales.shape), values.name, to_string(values.shape), to_string(wanted));
}

void sort_both(std::vector<TensorInfo>& infos, auto& rows) {
  std::vector<size_t> order(infos.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return infos[a].name < infos[b].name; });
  auto sorted_infos = infos;
  auto sorted_rows = rows;
  for (size_t i = 0; i < order.size(); ++i) {
    sorted_infos[i] = std::move(infos[order[i]]);
    sorted_rows[i] = rows[order[i]];
  }
  infos = std::move(sorted_infos);
  rows = std::move(sorted_rows);
}

}  // namespace

DecodedSource::DecodedSource(const TensorSource& stored, const Dialect& dialect) : stored_(stored) {
  std::unordered_set<std::string> hidden;
  for (const Binding& row : dialect.bindings) {
    if (row.codec == Codec::plain) continue;
    const Parts names = parts_of(row.codec);
    const auto values = find(stored, row.name + names.values);
    const auto scales = find(stored, row.name + names.scales);
    if (!values || !scales) continue;
    const TensorInfo &v = stored.tensors()[*values], &s = stored.tensors()[*scales];
    TensorInfo info{row.name, DType::bf16, v.shape};
    if (row.codec == Codec::mxfp4) {
      require(v.shape.size() >= 2 && v.shape.back() == kMxBlock / 2, Kind::mismatch,
              "{} has shape {}, but mxfp4 blocks end in 16 bytes", v.name, to_string(v.shape));
      info.shape.pop_back();
      info.shape.back() *= kMxBlock;
    }
    check_scales(v, s, scales_shape(row.codec, info.shape, row.name));
    hidden.insert(v.name);
    hidden.insert(s.name);
    infos_.push_back(std::move(info));
    rows_.push_back({row.codec, *values, *scales});
  }
  for (size_t i = 0; i < stored.tensors().size(); ++i)
    if (!hidden.contains(stored.tensors()[i].name)) {
      infos_.push_back(stored.tensors()[i]);
      rows_.push_back({Codec::plain, i, i});
    }
  sort_both(infos_, rows_);
}

void DecodedSource::read(size_t index, const Box& box, std::span<std::byte> out) const {
  const Row& row = rows_.at(index);
  if (row.codec == Codec::plain) return stored_.read(row.values, box, out);
  std::vector<float> values(as_index(elements(box.extent)));
  if (row.codec == Codec::fp8_block128) {
    const Box blocks = blocks_of(box);
    values = floats(stored_, row.values, box);
    const auto scales = floats(stored_, row.scales, blocks);
    each_value(box, blocks, [&](size_t v, size_t b) { values[v] *= scales[b]; });
  } else {
    require(box.at.back() % kMxBlock == 0 && box.extent.back() % kMxBlock == 0, Kind::unsupported,
            "{}: a cut at {} does not fall on a block of {} values", infos_[index].name,
            box.at.back(), kMxBlock);
    Box scales = box;
    scales.at.back() /= kMxBlock;
    scales.extent.back() /= kMxBlock;
    Box packed = scales;
    packed.at.push_back(0);
    packed.extent.push_back(kMxBlock / 2);
    const auto bytes_read = read_as<uint8_t>(stored_, row.values, packed);
    const auto exponents = read_as<uint8_t>(stored_, row.scales, scales);
    for (size_t i = 0; i < exponents.size(); ++i)
      mx_decode(std::span(bytes_read).subspan(i * 16, 16), exponents[i],
                std::span(values).subspan(i * 32, 32));
  }
  cast(DType::f32, std::as_bytes(std::span(values)), DType::bf16, out);
}

std::pair<size_t, int64_t> DecodedSource::place(size_t index) const {
  return stored_.place(rows_.at(index).values);
}

EncodedSource::EncodedSource(const TensorSource& plain, const Dialect& dialect) : plain_(plain) {
  std::unordered_map<std::string, Codec> codecs;
  for (const Binding& row : dialect.bindings) codecs[row.name] = row.codec;
  for (size_t i = 0; i < plain.tensors().size(); ++i) {
    const TensorInfo& info = plain.tensors()[i];
    const auto found = codecs.find(info.name);
    const Codec codec = found == codecs.end() ? Codec::plain : found->second;
    if (codec == Codec::plain) {
      add(info, {codec, Part::whole, i});
      continue;
    }
    const Parts names = parts_of(codec);
    const Shape scales = scales_shape(codec, info.shape, info.name);
    const bool mx = codec == Codec::mxfp4;
    Shape values = info.shape;
    if (mx) {
      values = scales;
      values.push_back(kMxBlock / 2);
    }
    add({info.name + names.values, mx ? DType::u8 : DType::f8_e4m3, values},
        {codec, Part::values, i});
    add({info.name + names.scales, mx ? DType::u8 : DType::f32, scales}, {codec, Part::scales, i});
  }
  sort_both(infos_, rows_);
}

void EncodedSource::add(TensorInfo info, Row row) {
  infos_.push_back(std::move(info));
  rows_.push_back(row);
}

void EncodedSource::read(size_t index, const Box& box, std::span<std::byte> out) const {
  const Row& row = rows_.at(index);
  if (row.part == Part::whole) return plain_.read(row.plain, box, out);
  const Shape& shape = plain_.tensors()[row.plain].shape;
  if (row.codec == Codec::fp8_block128) {
    // A value's scale depends on all of its block, so whole blocks are read.
    const Box blocks = row.part == Part::scales ? box : blocks_of(box);
    const Box covered = values_of(blocks, shape);
    const auto values = floats(plain_, row.plain, covered);
    auto scales = largest_in_blocks(values, covered, blocks);
    for (float& scale : scales) scale = fp8_scale(scale);
    if (row.part == Part::scales) {
      std::memcpy(out.data(), scales.data(), out.size());
      return;
    }
    const Shape steps = strides(covered.extent);
    const Shape own = strides(box.extent);
    each_value(box, blocks, [&](size_t v, size_t b) {
      auto rest = static_cast<int64_t>(v);
      int64_t at = 0;
      for (size_t d = 0; d < own.size(); ++d) {
        at += (box.at[d] + rest / own[d] - covered.at[d]) * steps[d];
        rest %= own[d];
      }
      out[v] = static_cast<std::byte>(float_to_e4m3(values[as_index(at)] / scales[b]));
    });
    return;
  }
  Box groups = box;
  if (row.part == Part::values) {
    require(box.at.back() == 0 && box.extent.back() == kMxBlock / 2, Kind::unsupported,
            "{}: a cut inside a block of {} values", infos_[index].name, kMxBlock);
    groups.at.pop_back();
    groups.extent.pop_back();
  }
  Box covered = groups;
  covered.at.back() *= kMxBlock;
  covered.extent.back() *= kMxBlock;
  const auto values = floats(plain_, row.plain, covered);
  for (size_t i = 0; i < as_index(elements(groups.extent)); ++i) {
    const auto block = std::span(values).subspan(i * 32, 32);
    float largest = 0;
    for (const float value : block) largest = std::max(largest, std::fabs(value));
    const uint8_t scale = mx_scale(largest);
    if (row.part == Part::scales) {
      out[i] = static_cast<std::byte>(scale);
      continue;
    }
    uint8_t packed[16];
    mx_encode(block, scale, packed);
    std::memcpy(out.data() + i * 16, packed, 16);
  }
}

std::pair<size_t, int64_t> EncodedSource::place(size_t index) const {
  return plain_.place(rows_.at(index).plain);
}

GatheredSource::GatheredSource(const Plan& plan, const Gather& gather) : gather_(gather) {
  for (size_t i = 0; i < plan.to.size(); ++i) {
    infos_.push_back({plan.to[i].name, gather.source_dtype(i), plan.to[i].shape});
    targets_.push_back(i);
  }
  sort_both(infos_, targets_);
}

void GatheredSource::read(size_t index, const Box& box, std::span<std::byte> out) const {
  Scratch scratch;
  gather_.fill(targets_.at(index), box, infos_[index].dtype, out, scratch);
}

std::pair<size_t, int64_t> GatheredSource::place(size_t index) const {
  return gather_.source_place(targets_.at(index));
}

Plan identity(const TensorSource& source) {
  Plan plan;
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    const TensorInfo& info = source.tensors()[i];
    plan.from.push_back({.name = info.name, .shape = info.shape});
    std::vector<Copy::Dim> dims;
    for (size_t d = 0; d < info.shape.size(); ++d)
      dims.push_back({static_cast<int>(d), static_cast<int>(d), {{0, 0, info.shape[d]}}});
    Copy copy{.from = i,
              .to = i,
              .slot = i,
              .dims = std::make_shared<const std::vector<Copy::Dim>>(std::move(dims)),
              .from_at = Shape(info.shape.size(), 0),
              .to_at = Shape(info.shape.size(), 0)};
    plan.copies.push_back(std::move(copy));
  }
  plan.to = plan.from;
  return plan;
}

}  // namespace bascule
