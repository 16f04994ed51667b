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
  at::Tensor part = within(each.tensor);
  if (each.remainders.defined()) part = masters_of(part, within(each.remainders));
  require(out.size() == static_cast<size_t>(part.numel()) * part.element_size(), Kind::internal,
          "{}: {} bytes for {} values", infos_[index].name, out.size(), part.numel());
  const at::Tensor dense = part.contiguous().cpu();
  std::memcpy(out.data(), dense.const_data_ptr(), out.size());
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
    const at::Tensor dense = direct ? target : at::empty(target.sizes(), at::TensorOptions(type));
    gather.fill(i, whole(there.to[i].shape), stored_dtype(type),
                {static_cast<std::byte*>(dense.mutable_data_ptr()),
                 static_cast<size_t>(dense.numel()) * dense.element_size()},
                scratch);
    if (targets[i].remainders.defined())
      keep_masters(dense.to(target.device()), target, targets[i].remainders);
    else if (!direct)
      target.copy_(dense);
  }
}

}  // namespace bascule
