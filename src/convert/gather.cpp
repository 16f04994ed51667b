#include "convert/gather.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "convert/cast.h"

namespace bascule {
namespace {

/// Leading dimensions of the target along which each copy has one coordinate.
size_t stacked_dimensions(std::span<const Copy> copies, size_t rank) {
  size_t stacked = rank;
  for (const Copy& copy : copies)
    for (const Copy::Dim& dim : *copy.dims) stacked = std::min(stacked, as_index(dim.to));
  return stacked;
}

/// Copies a dense part into its place in a dense box. `order[d]` is the part's dimension that lies
/// along the box's dimension d.
struct Scatter {
  const std::byte* part;
  std::byte* box;
  size_t element;
  Shape extent;               // by the box's dimensions
  Shape part_step, box_step;  // in elements

  void run(size_t d, int64_t part_at, int64_t box_at) const {
    if (d + 1 == extent.size()) return innermost(d, part_at, box_at);
    for (int64_t i = 0; i < extent[d]; ++i)
      run(d + 1, part_at + i * part_step[d], box_at + i * box_step[d]);
  }
  void innermost(size_t d, int64_t part_at, int64_t box_at) const {
    const std::byte* from = part + as_index(part_at) * element;
    std::byte* to = box + as_index(box_at) * element;
    if (part_step[d] == 1 && box_step[d] == 1) {
      std::memcpy(to, from, as_index(extent[d]) * element);
      return;
    }
    for (int64_t i = 0; i < extent[d]; ++i)
      std::memcpy(to + as_index(i * box_step[d]) * element,
                  from + as_index(i * part_step[d]) * element, element);
  }
};

/// Whether a part at `at` of `extent` is one stretch of a dense box of `whole`.
bool contiguous(const Shape& extent, const Shape& whole) {
  size_t d = 0;
  while (d < extent.size() && extent[d] == 1) ++d;
  for (++d; d < extent.size(); ++d)
    if (extent[d] != whole[d]) return false;
  return true;
}

/// A number of a tensor would become infinite: `index` of the elements that were read from `box`.
[[noreturn]] void refuse_infinity(const std::string& where, const std::string& name, DType stored,
                                  std::span<const std::byte> data, const Box& box, int64_t index,
                                  DType wanted) {
  Shape at = box.at;
  int64_t rest = index;
  const Shape steps = strides(box.extent);
  for (size_t d = 0; d < at.size(); ++d) {
    at[d] += rest / steps[d];
    rest %= steps[d];
  }
  fail(Kind::unsupported,
       "{}tensor {} holds {} at {}, which {} cannot hold: it would be infinite; {}", where, name,
       element_text(stored, data, index), to_string(at), torch_name(wanted),
       stored == DType::f64 && wanted == DType::f32 ? "leave --dtype out"
       : wanted == DType::f16                       ? "use --dtype bfloat16 or float32"
                                                    : "use --dtype float32");
}

}  // namespace

Gather::Gather(const Plan& plan, std::vector<const TensorSource*> sources)
    : plan_(plan), sources_(std::move(sources)) {
  for (const PlanTensor& tensor : plan.from) {
    const TensorSource& source = *sources_.at(as_index(tensor.rank));
    const auto index = find(source, tensor.name);
    if (!index) fail(Kind::mismatch, "tensor {} is missing from the source", tensor.name);
    const Shape& shape = source.tensors()[*index].shape;
    if (shape != tensor.shape)
      fail(Kind::mismatch, "tensor {} has shape {}, but the configuration gives {}", tensor.name,
           to_string(shape), to_string(tensor.shape));
    index_.push_back(*index);
  }
  for (size_t to = 0; to < plan.to.size(); ++to) {
    const auto copies = plan.into(to);
    const Shape& shape = plan.to[to].shape;
    Target target;
    target.stacked = copies.empty() ? 0 : stacked_dimensions(copies, shape.size());
    target.first_place = ends_.size();
    int64_t places = 1;
    for (size_t d = 0; d < target.stacked; ++d) places *= shape[d];
    std::vector<std::pair<int64_t, uint32_t>> by_place;  // place, index of a copy
    for (const Copy& copy : copies) {
      int64_t place = 0;
      for (size_t d = 0; d < target.stacked; ++d) place = place * shape[d] + copy.to_at[d];
      by_place.emplace_back(place, static_cast<uint32_t>(&copy - plan.copies.data()));
    }
    std::ranges::sort(by_place);
    size_t done = 0;
    for (int64_t place = 0; place < places; ++place) {
      for (; done < by_place.size() && by_place[done].first == place; ++done)
        order_.push_back(by_place[done].second);
      ends_.push_back(static_cast<uint32_t>(order_.size()));
    }
    targets_.push_back(target);
  }
}

std::span<const uint32_t> Gather::copies_at(const Target& target, int64_t place) const {
  const size_t at = target.first_place + as_index(place);
  const size_t begin = at == 0 ? 0 : ends_[at - 1];
  return std::span(order_).subspan(begin, ends_[at] - begin);
}

DType Gather::dtype_of(const Copy& copy) const {
  const PlanTensor& from = plan_.from[copy.from];
  return sources_[as_index(from.rank)]->tensors()[index_[copy.from]].dtype;
}

std::string Gather::where(const Copy& copy) const {
  const PlanTensor& from = plan_.from[copy.from];
  const std::string place = lies_in(*sources_[as_index(from.rank)], index_[copy.from]);
  return place.empty() ? "" : place + ": ";
}

DType Gather::source_dtype(size_t to) const {
  const auto copies = plan_.into(to);
  require(!copies.empty(), Kind::internal, "tensor {} has no source", plan_.to[to].name);
  const DType first = dtype_of(copies[0]);
  for (const Copy& copy : copies)
    if (dtype_of(copy) != first)
      fail(Kind::mismatch,
           "{}{} has dtype {} and {}{} has {}, but {} holds both; give --dtype to convert them",
           where(copies[0]), plan_.from[copies[0].from].name, torch_name(first),
           where(copy) == where(copies[0]) ? "" : where(copy), plan_.from[copy.from].name,
           torch_name(dtype_of(copy)), plan_.to[to].name);
  return first;
}

std::pair<size_t, int64_t> Gather::source_place(size_t to) const {
  std::pair<size_t, int64_t> least{SIZE_MAX, 0};
  for (const Copy& copy : plan_.into(to)) {
    const PlanTensor& from = plan_.from[copy.from];
    least = std::min(least, sources_[as_index(from.rank)]->place(index_[copy.from]));
  }
  return least;
}

void Gather::fill(size_t to, const Box& box, DType dtype, std::span<std::byte> out,
                  Scratch& scratch) const {
  if (plan_.to[to].padding) std::memset(out.data(), 0, out.size());
  const Target& target = targets_[to];
  const Shape& shape = plan_.to[to].shape;
  // Visits the places of the stacked dimensions that the box meets.
  Shape at(box.at.begin(), box.at.begin() + static_cast<std::ptrdiff_t>(target.stacked));
  while (true) {
    int64_t place = 0;
    for (size_t d = 0; d < target.stacked; ++d) place = place * shape[d] + at[d];
    for (const uint32_t copy : copies_at(target, place))
      copy_part(plan_.copies[copy], box, dtype, out, scratch);
    size_t d = target.stacked;
    while (d > 0 && ++at[d - 1] == box.at[d - 1] + box.extent[d - 1]) {
      at[d - 1] = box.at[d - 1];
      --d;
    }
    if (d == 0) return;
  }
}

void Gather::copy_part(const Copy& copy, const Box& box, DType dtype, std::span<std::byte> out,
                       Scratch& scratch) const {
  const PlanTensor& from = plan_.from[copy.from];
  const TensorSource& source = *sources_[as_index(from.rank)];
  const DType source_dtype = source.tensors()[index_[copy.from]].dtype;
  const std::vector<Copy::Dim>& mapping = *copy.dims;
  const size_t dims = mapping.size(), to_rank = box.at.size();

  std::vector<bool> mapped(to_rank, false);
  std::vector<Runs> parts(dims);
  for (size_t i = 0; i < dims; ++i) {
    const size_t d = as_index(mapping[i].to);
    mapped[d] = true;
    parts[i] = unfolded(clipped_to(mapping[i].runs, box.at[d], box.at[d] + box.extent[d]));
    if (parts[i].empty()) return;
  }
  for (size_t d = 0; d < to_rank; ++d)
    if (!mapped[d] && (copy.to_at[d] < box.at[d] || copy.to_at[d] >= box.at[d] + box.extent[d]))
      return;
  bool in_order = true;
  for (size_t i = 1; i < dims; ++i)
    for (size_t j = 0; j < i; ++j)
      in_order &= (mapping[i].to > mapping[j].to) == (mapping[i].from > mapping[j].from);

  const Shape box_steps = strides(box.extent);
  std::vector<size_t> which(dims, 0);
  while (true) {
    Box read{copy.from_at, Shape(copy.from_at.size(), 1)};
    Shape to_at = copy.to_at, extent(to_rank, 1);
    for (size_t i = 0; i < dims; ++i) {
      const Run& run = parts[i][which[i]];
      read.at[as_index(mapping[i].from)] = run.from;
      read.extent[as_index(mapping[i].from)] = run.length;
      to_at[as_index(mapping[i].to)] = run.to;
      extent[as_index(mapping[i].to)] = run.length;
    }
    const int64_t count = elements(extent);
    int64_t begin = 0;
    for (size_t d = 0; d < to_rank; ++d) begin += (to_at[d] - box.at[d]) * box_steps[d];
    const size_t read_bytes = as_index(bytes(source_dtype, count));
    if (in_order && source_dtype == dtype && contiguous(extent, box.extent)) {
      source.read(index_[copy.from], read, out.subspan(as_index(bytes(dtype, begin)), read_bytes));
    } else {
      scratch.read.resize(std::max(scratch.read.size(), read_bytes));
      std::span<std::byte> part(scratch.read.data(), read_bytes);
      source.read(index_[copy.from], read, part);
      if (source_dtype != dtype) {
        const size_t cast_bytes = as_index(bytes(dtype, count));
        scratch.cast.resize(std::max(scratch.cast.size(), cast_bytes));
        const int64_t too_large =
            cast(source_dtype, part, dtype, {scratch.cast.data(), cast_bytes});
        if (too_large >= 0)
          refuse_infinity(where(copy), from.name, source_dtype, part, read, too_large, dtype);
        part = {scratch.cast.data(), cast_bytes};
      }
      require(bits(dtype) % 8 == 0, Kind::unsupported,
              "{}: elements of {} bits cannot be moved one by one", plan_.to[copy.to].name,
              bits(dtype));
      const Shape read_steps = strides(read.extent);
      Shape part_step(to_rank, 0);
      for (const Copy::Dim& dim : mapping)
        part_step[as_index(dim.to)] = read_steps[as_index(dim.from)];
      Scatter scatter{part.data(), out.data(), as_index(bits(dtype) / 8),
                      extent,      part_step,  box_steps};
      if (to_rank == 0)
        std::memcpy(out.data(), part.data(), part.size());
      else
        scatter.run(0, 0, begin);
    }
    size_t i = dims;
    while (i > 0 && ++which[i - 1] == parts[i - 1].size()) which[--i] = 0;
    if (i == 0) return;
  }
}

}  // namespace bascule
