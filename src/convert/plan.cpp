#include "convert/plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace bascule {
namespace {

struct Source {
  size_t tensor;
  Piece piece;
};
using SourcesBySlot = std::unordered_map<std::string, std::vector<Source>>;

/// Whether two pieces hold the same part of their slot.
bool same_part(const Piece& a, const Piece& b) {
  for (size_t d = 0; d < a.dims.size(); ++d) {
    const Runs &left = a.dims[d].runs, &right = b.dims[d].runs;
    if (left.size() != right.size()) return false;
    for (size_t i = 0; i < left.size(); ++i)
      if (left[i].from != right[i].from || left[i].length != right[i].length ||
          left[i].count != right[i].count || left[i].from_jump != right[i].from_jump)
        return false;
  }
  return true;
}

PlanTensor described(const Place& place, const Binding& row, const Packed& packed,
                     const Slots& slots) {
  const auto is_fp32 = [&](const Piece& piece) { return slots.find(piece.slot)->fp32; };
  return {.rank = place.rank,
          .name = row.name,
          .shape = packed.shape,
          .padding = packed.padding(),
          .codec = row.codec,
          .fp32 = std::all_of(packed.pieces.begin(), packed.pieces.end(), is_fp32)};
}

/// The sources of a slot for a target on `rank`: of pieces that hold the same part, one.
std::vector<const Source*> chosen(const std::vector<Source>& all, const Plan& plan, int64_t rank) {
  std::vector<const Source*> kept;
  for (const Source& source : all) {
    const auto twin = std::find_if(kept.begin(), kept.end(), [&](const Source* other) {
      return same_part(other->piece, source.piece);
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
  for (const Dim& dim : dims) count *= indices(dim.runs);
  return count;
}

std::string Copy::str(const PlanTensor& from_tensor, const PlanTensor& to_tensor) const {
  const auto side = [&](const Shape& at, bool is_from) {
    std::vector<std::string> texts;
    for (const int64_t fixed : at) texts.push_back(range(fixed, fixed + 1));
    for (const Dim& dim : dims) {
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
  return fmt::format("{}: {}[{}] -> {}[{}]", slot, from_tensor.name, side(from_at, true),
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
  out.copies.reserve(slots.all().size());
  SourcesBySlot sources;
  sources.reserve(slots.all().size());
  for (const Place& place : from)
    for (const Binding& row : place.dialect->bindings) {
      Packed packed = row.layout.pack(slots, place.shards);
      out.from.push_back(described(place, row, packed, slots));
      for (Piece& piece : packed.pieces) {
        std::vector<Source>& of_slot = sources[piece.slot];
        of_slot.push_back({out.from.size() - 1, std::move(piece)});
      }
    }
  for (const Place& place : to)
    for (const Binding& row : place.dialect->bindings) {
      const Packed packed = row.layout.pack(slots, place.shards);
      out.to.push_back(described(place, row, packed, slots));
      for (const Piece& piece : packed.pieces) {
        int64_t found = 0;
        for (const Source* source : chosen(sources[piece.slot], out, place.rank)) {
          Copy copy{.from = source->tensor,
                    .to = out.to.size() - 1,
                    .slot = piece.slot,
                    .from_at = source->piece.at,
                    .to_at = piece.at};
          copy.dims.reserve(piece.dims.size());
          for (size_t d = 0; d < piece.dims.size(); ++d)
            copy.dims.push_back({source->piece.dims[d].stored, piece.dims[d].stored,
                                 joined(source->piece.dims[d].runs, piece.dims[d].runs)});
          const int64_t count = copy.elements();
          found += count;
          if (count) out.copies.push_back(std::move(copy));
        }
        if (found != piece.elements())
          fail(Kind::mismatch, "{} needs {} elements of parameter {}, and the source gives {}",
               row.name, piece.elements(), piece.slot, found);
      }
    }
  return out;
}

Plan plan(const Slots& slots, const Dialect& from, const Dialect& to) {
  const Place source{0, &from, {}}, target{0, &to, {}};
  return plan(slots, std::span(&source, 1), std::span(&target, 1));
}

Plan reversed(const Plan& plan) {
  Plan back{plan.to, plan.from, plan.copies};
  for (Copy& copy : back.copies) {
    std::swap(copy.from, copy.to);
    std::swap(copy.from_at, copy.to_at);
    for (Copy::Dim& dim : copy.dims) {
      std::swap(dim.from, dim.to);
      dim.runs = reversed(std::move(dim.runs));
    }
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
