#include "convert/plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "base/check.h"

namespace bascule {
namespace {

/// Equal values as one.
template <class T>
class Shared {
 public:
  std::shared_ptr<const T> of(T value) {
    return *known_.insert(std::make_shared<const T>(std::move(value))).first;
  }

 private:
  struct Before {
    bool operator()(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) const {
      return *a < *b;
    }
  };
  std::set<std::shared_ptr<const T>, Before> known_;
};

using PieceDims = std::vector<Piece::Dim>;
using CopyDims = std::vector<Copy::Dim>;

/// A piece at the source.
struct Source {
  size_t slot = 0, tensor = 0;
  std::shared_ptr<const PieceDims> dims;
  Shape at;
};

/// Whether two pieces hold the same part of their slot.
bool same_part(const PieceDims& a, const PieceDims& b) {
  for (size_t d = 0; d < a.size(); ++d) {
    const Runs &left = a[d].runs, &right = b[d].runs;
    if (left.size() != right.size()) return false;
    for (size_t i = 0; i < left.size(); ++i)
      if (left[i].from != right[i].from || left[i].length != right[i].length ||
          left[i].count != right[i].count || left[i].from_jump != right[i].from_jump)
        return false;
  }
  return true;
}

/// The tensor of a row; `visit` gets its pieces, and the slot of each.
PlanTensor described(const Place& place, const Binding& row, const Slots& slots,
                     const std::function<void(const Slot& slot, Piece piece)>& visit) {
  int64_t held = 0;
  bool fp32 = true;
  Shape shape = row.layout.each_piece(slots, place.shards, [&](Piece piece) {
    const Slot& slot = *slots.find(piece.slot);
    fp32 = fp32 && slot.fp32;
    held += piece.elements();
    visit(slot, std::move(piece));
  });
  const int64_t padding = elements(shape) - held;
  return {.rank = place.rank,
          .name = row.name,
          .shape = std::move(shape),
          .padding = padding,
          .codec = row.codec,
          .fp32 = fp32};
}

/// Which slots the places hold anything of.
std::vector<bool> held_by(std::span<const Place> places, const Slots& slots) {
  std::vector<bool> held(slots.all().size());
  for (const Place& place : places)
    for (const Binding& row : place.dialect->bindings)
      for (const std::string& leaf : row.layout.leaves())
        if (const Slot* slot = slots.find(leaf)) held[slots.index(*slot)] = true;
  return held;
}

/// What the places hold of the `wanted` slots, by slot.
std::vector<Source> sources_in(std::span<const Place> places, const Slots& slots,
                               const std::vector<bool>& wanted, std::vector<PlanTensor>& tensors) {
  std::vector<Source> sources;
  sources.reserve(static_cast<size_t>(std::ranges::count(wanted, true)));
  Shared<PieceDims> shared;
  for (const Place& place : places)
    for (const Binding& row : place.dialect->bindings) {
      const size_t tensor = tensors.size();
      tensors.push_back(described(place, row, slots, [&](const Slot& slot, Piece piece) {
        const size_t index = slots.index(slot);
        if (!wanted[index]) return;
        piece.at.shrink_to_fit();
        sources.push_back({index, tensor, shared.of(std::move(piece.dims)), std::move(piece.at)});
      }));
    }
  std::ranges::stable_sort(sources, {}, &Source::slot);
  return sources;
}

/// The sources of a slot for a target on `rank`: of pieces that hold the same part, one.
std::vector<const Source*> chosen(const std::vector<Source>& all, size_t slot, const Plan& plan,
                                  int64_t rank) {
  std::vector<const Source*> kept;
  for (auto at = std::ranges::lower_bound(all, slot, {}, &Source::slot);
       at != all.end() && at->slot == slot; ++at) {
    const Source& source = *at;
    const auto twin = std::find_if(kept.begin(), kept.end(), [&](const Source* other) {
      return same_part(*other->dims, *source.dims);
    });
    if (twin == kept.end())
      kept.push_back(&source);
    else if (plan.from[source.tensor].rank == rank)
      *twin = &source;
  }
  return kept;
}

std::string range(int64_t at, int64_t end) {
  return end == at + 1 ? fmt::format("{}", at) : fmt::format("{}:{}", at, end);
}

}  // namespace

int64_t Copy::elements() const {
  int64_t count = 1;
  for (const Dim& dim : *dims) count *= indices(dim.runs);
  return count;
}

std::string Copy::str(const std::string& slot_id, const PlanTensor& from_tensor,
                      const PlanTensor& to_tensor) const {
  const auto side = [&](const Shape& at, bool is_from) {
    std::vector<std::string> texts;
    for (const int64_t fixed : at) texts.push_back(range(fixed, fixed + 1));
    for (const Dim& dim : *dims) {
      std::string text;
      for (const Run& run : dim.runs) {
        const int64_t begin = is_from ? run.from : run.to;
        text += (text.empty() ? "" : " ") + range(begin, begin + run.length);
        if (run.count > 1)
          text += fmt::format(" (x{} every {})", run.count, is_from ? run.from_jump : run.to_jump);
      }
      texts[static_cast<size_t>(is_from ? dim.from : dim.to)] = text;
    }
    return fmt::format("{}", fmt::join(texts, ", "));
  };
  return fmt::format("{}: {}[{}] -> {}[{}]", slot_id, from_tensor.name, side(from_at, true),
                     to_tensor.name, side(to_at, false));
}

std::span<const Copy> Plan::into(size_t to) const {
  const auto before = [](const Copy& copy, size_t index) { return copy.to < index; };
  const auto after = [](size_t index, const Copy& copy) { return index < copy.to; };
  const auto low = std::lower_bound(copies.begin(), copies.end(), to, before);
  const auto high = std::upper_bound(low, copies.end(), to, after);
  return {low, high};
}

Plan plan(const Slots& slots, std::span<const Place> from, std::span<const Place> to) {
  Plan out;
  // A model may have 10^5 tensors: nothing is to grow beyond them.
  const auto bindings = [](std::span<const Place> places) {
    size_t count = 0;
    for (const Place& place : places) count += place.dialect->bindings.size();
    return count;
  };
  out.from.reserve(bindings(from));
  out.to.reserve(bindings(to));
  const std::vector<bool> wanted = held_by(to, slots);
  const std::vector<Source> sources = sources_in(from, slots, wanted, out.from);
  out.copies.reserve(sources.size());
  Shared<CopyDims> shared;
  for (const Place& place : to)
    for (const Binding& row : place.dialect->bindings) {
      const auto copy_into = [&](const Slot& slot, const Piece& piece) {
        int64_t found = 0;
        for (const Source* source : chosen(sources, slots.index(slot), out, place.rank)) {
          CopyDims dims;
          dims.reserve(piece.dims.size());
          for (size_t d = 0; d < piece.dims.size(); ++d)
            dims.push_back({(*source->dims)[d].stored, piece.dims[d].stored,
                            joined((*source->dims)[d].runs, piece.dims[d].runs)});
          Copy copy{.from = source->tensor,
                    .to = out.to.size(),
                    .slot = source->slot,
                    .dims = shared.of(std::move(dims)),
                    .from_at = source->at,
                    .to_at = Shape(piece.at.begin(), piece.at.end())};
          const int64_t count = copy.elements();
          found += count;
          if (count) out.copies.push_back(std::move(copy));
        }
        if (found != piece.elements())
          fail(Kind::mismatch, "{} needs {} elements of parameter {}, and the source gives {}",
               row.name, piece.elements(), piece.slot, found);
      };
      out.to.push_back(described(place, row, slots, copy_into));
    }
  return out;
}

Plan plan(const Slots& slots, const Dialect& from, const Dialect& to) {
  const Place source{0, &from, {}}, target{0, &to, {}};
  return plan(slots, std::span(&source, 1), std::span(&target, 1));
}

Plan reversed(const Plan& plan) {
  Plan back{plan.to, plan.from, plan.copies};
  Shared<CopyDims> shared;
  for (Copy& copy : back.copies) {
    std::swap(copy.from, copy.to);
    std::swap(copy.from_at, copy.to_at);
    CopyDims dims = *copy.dims;
    for (Copy::Dim& dim : dims) {
      std::swap(dim.from, dim.to);
      dim.runs = reversed(std::move(dim.runs));
    }
    copy.dims = shared.of(std::move(dims));
  }
  std::stable_sort(back.copies.begin(), back.copies.end(),
                   [](const Copy& a, const Copy& b) { return a.to < b.to; });
  return back;
}

Dialect canonical(const Slots& slots) {
  Dialect all;
  all.bindings.reserve(slots.all().size());
  for (const Slot& slot : slots.all()) all.bindings.push_back(exact(slot.id, Layout(slot.id)));
  return all;
}

}  // namespace bascule
