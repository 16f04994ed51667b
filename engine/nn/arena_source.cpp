#include "nn/arena_source.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "convert/gather.h"
#include "convert/plan.h"
#include "kernels/masters.h"

namespace bascule {

namespace {

/// Parameters are of the first ones; buffers of modules are of any.
constexpr std::pair<DType, at::ScalarType> kTypes[] = {
    {DType::f64, at::kDouble},   {DType::f32, at::kFloat}, {DType::bf16, at::kBFloat16},
    {DType::f16, at::kHalf},     {DType::i64, at::kLong},  {DType::i32, at::kInt},
    {DType::i16, at::kShort},    {DType::i8, at::kChar},   {DType::u8, at::kByte},
    {DType::boolean, at::kBool},
};

at::ScalarType type_of(const NamedTensor& each) {
  return each.remainders.defined() ? at::kFloat : each.tensor.scalar_type();
}

/// The shape in boxes of whole rows, of some `most` elements each; 0: in one.
std::vector<Box> parts(const Shape& shape, int64_t most) {
  Box all = whole(shape);
  if (shape.empty() || most == 0) return {all};
  std::vector<Box> boxes;
  const int64_t rows =
      std::max<int64_t>(1, most * shape[0] / std::max<int64_t>(1, elements(shape)));
  for (int64_t row = 0; row < shape[0]; row += rows) {
    all.at[0] = row;
    all.extent[0] = std::min(rows, shape[0] - row);
    boxes.push_back(all);
  }
  return boxes;
}

at::Tensor rows_of(const at::Tensor& all, const Box& box) {
  return box.at.empty() ? all : all.narrow(0, box.at[0], box.extent[0]);
}

/// Fewer on a CPU, where a save that reads them lives beside a step at its peak.
int64_t joined_at_once(at::Device device) {
  return device.is_cuda() ? masters_at_once(device) : int64_t{1} << 16;
}

}  // namespace

at::ScalarType torch_type(DType dtype) {
  for (const auto& [ours, torchs] : kTypes)
    if (ours == dtype) return torchs;
  fail(Kind::internal, "{} is no type of parameters", torch_name(dtype));
}

DType stored_dtype(at::ScalarType type) {
  for (const auto& [ours, torchs] : kTypes)
    if (torchs == type) return ours;
  fail(Kind::unsupported, "tensors of {} are not stored", at::toString(type));
}

ArenaSource::ArenaSource(std::vector<NamedTensor> tensors) : tensors_(std::move(tensors)) {
  std::ranges::sort(tensors_, {}, &NamedTensor::name);
  for (const NamedTensor& each : tensors_) {
    require(each.tensor.is_contiguous(), Kind::internal, "{} is not dense", each.name);
    infos_.push_back({each.name, stored_dtype(type_of(each)), each.tensor.sizes().vec()});
  }
}

void ArenaSource::read(size_t index, const Box& box, std::span<std::byte> out) const {
  const auto within = [&](at::Tensor part) {
    for (size_t d = 0; d < box.at.size(); ++d)
      part = part.narrow(static_cast<int64_t>(d), box.at[d], box.extent[d]);
    return part;
  };
  const NamedTensor& each = tensors_[index];
  const bool joins = each.remainders.defined();
  const at::Tensor all = within(each.tensor), rest = joins ? within(each.remainders) : all;
  require(out.size() == static_cast<size_t>(all.numel()) * at::elementSize(type_of(each)),
          Kind::internal, "{}: {} bytes for {} values", infos_[index].name, out.size(),
          all.numel());
  for (const Box& rows : parts(box.extent, joins ? joined_at_once(all.device()) : 0)) {
    at::Tensor part = rows_of(all, rows);
    if (joins) part = masters_of(part, rows_of(rest, rows));
    const at::Tensor dense = part.contiguous().cpu();
    std::memcpy(out.data(), dense.const_data_ptr(), dense.nbytes());
    out = out.subspan(dense.nbytes());
  }
}

void fill(const Slots& slots, const TensorSource& source, const Dialect& dialect,
          const Dialect& local, const Shards& shards, const std::vector<NamedTensor>& targets) {
  const std::vector<Place> from = {{.rank = 0, .dialect = &dialect, .shards = {}}};
  const std::vector<Place> to = {{.rank = 0, .dialect = &local, .shards = shards}};
  const Plan there = plan(slots, from, to);
  const Gather gather(there, {&source});
  Scratch scratch;
  for (size_t i = 0; i < there.to.size(); ++i) {
    const at::Tensor& target = targets[i].tensor;
    require(targets[i].name == there.to[i].name, Kind::internal, "{} where {} belongs",
            targets[i].name, there.to[i].name);
    const at::ScalarType type = type_of(targets[i]);
    const bool direct = target.is_cpu() && target.is_contiguous() && type == target.scalar_type();
    for (const Box& box : parts(there.to[i].shape, direct ? 0 : masters_at_once(target.device()))) {
      const at::Tensor dense = direct ? target : at::empty(box.extent, at::TensorOptions(type));
      gather.fill(i, box, stored_dtype(type),
                  {static_cast<std::byte*>(dense.mutable_data_ptr()),
                   static_cast<size_t>(dense.numel()) * dense.element_size()},
                  scratch);
      if (targets[i].remainders.defined())
        keep_masters(dense.to(target.device()), rows_of(target, box),
                     rows_of(targets[i].remainders, box));
      else if (!direct)
        rows_of(target, box).copy_(dense);
    }
  }
}

}  // namespace bascule
