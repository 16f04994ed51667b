#include "model/layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace bascule {
namespace {

/// `what` gives the text that names the tensor; it is called only on failure.
template <class What>
int64_t divided(int64_t size, int64_t by, const What& what) {
  if (by <= 0 || size % by != 0)
    fail(Kind::unsupported, "{}: {} does not divide by {}", what(), size, by);
  return size / by;
}

/// The slot dimension that lies along stored dimension `stored`, or none.
Piece::Dim* along(Piece& piece, int stored) {
  for (Piece::Dim& dim : piece.dims)
    if (dim.stored == stored) return &dim;
  return nullptr;
}

/// What `pieces` have in stored rows [low, high), moved by `shift`.
void append_rows(std::vector<Piece>& out, const std::vector<Piece>& pieces, int64_t low,
                 int64_t high, int64_t shift) {
  for (Piece piece : pieces) {
    if (Piece::Dim* dim = along(piece, 0)) {
      dim->runs = moved(clipped_to(dim->runs, low, high), shift);
      if (dim->runs.empty()) continue;
    } else {
      if (piece.at[0] < low || piece.at[0] >= high) continue;
      piece.at[0] += shift;
    }
    out.push_back(std::move(piece));
  }
}

/// This shard's equal share of the rows.
template <class What>
Packed cut(const Packed& whole, Shard shard, const What& what) {
  if (shard.of == 1) return whole;
  Packed share;
  share.shape = whole.shape;
  share.shape[0] = divided(whole.shape[0], shard.of, what);
  const int64_t low = shard.rank * share.shape[0];
  append_rows(share.pieces, whole.pieces, low, low + share.shape[0], -low);
  return share;
}

/// Interleaves the rows of one part: group g moves to g * period + offset.
void spread(std::vector<Piece>& out, const Packed& part, int64_t groups, int64_t rows,
            int64_t period, int64_t offset) {
  for (const Piece& piece : part.pieces) {
    Piece whole = piece;
    Piece::Dim* dim = along(whole, 0);
    if (!dim) {
      const int64_t group = whole.at[0] / rows;
      whole.at[0] += group * (period - rows) + offset;
      out.push_back(std::move(whole));
      continue;
    }
    Runs runs;
    for (int64_t g = 0; g < groups; ++g)
      for (const Run& run :
           moved(clipped_to(dim->runs, g * rows, (g + 1) * rows), g * (period - rows) + offset))
        runs.push_back(run);
    dim->runs = folded(runs);
    out.push_back(std::move(whole));
  }
}

/// The group that divides the rows of what this layout's first slot is.
Group row_group(const std::vector<std::string>& leaves, const Slots& slots) {
  const Slot* slot = leaves.empty() ? nullptr : slots.find(leaves.front());
  return slot && slot->split == 0 ? slot->group : Group::none;
}

Packed pack_leaf(const std::string& name, const Slots& slots, const Shards& shards) {
  const Slot* slot = slots.find(name);
  require(slot, Kind::mismatch, "the model has no parameter {}", name);
  Packed out;
  out.shape = slot->shape;
  Piece piece{name, {}, Shape(slot->shape.size(), 0)};
  for (size_t d = 0; d < slot->shape.size(); ++d) {
    int64_t size = slot->shape[d], from = 0;
    if (const Shard shard = shards.of(slot->group); slot->split == static_cast<int>(d)) {
      size = divided(size, shard.of, [&] { return name; });
      from = shard.rank * size;
    }
    out.shape[d] = size;
    piece.dims.push_back({static_cast<int>(d), {{from, 0, size}}});
  }
  out.pieces.push_back(std::move(piece));
  return out;
}

}  // namespace

int64_t Piece::elements() const {
  int64_t count = 1;
  for (const Dim& dim : dims) count *= indices(dim.runs);
  return count;
}

int64_t Packed::padding() const {
  int64_t held = 0;
  for (const Piece& piece : pieces) held += piece.elements();
  return elements(shape) - held;
}

Layout::Layout(const char* slot) : Layout(std::string(slot)) {}
Layout::Layout(std::string slot) : kind_(Node::leaf), name_(std::move(slot)) {}

Layout interleave(int64_t groups, std::vector<Layout> parts) {
  Layout l(Layout::Node::interleave);
  l.number_ = groups;
  l.parts_ = std::move(parts);
  return l;
}
Layout stack(std::string index, int64_t count, Layout part) {
  Layout l(Layout::Node::stack);
  l.name_ = std::move(index);
  l.number_ = count;
  l.parts_ = {std::move(part)};
  return l;
}
Layout pad_rows(int64_t multiple, Layout part) {
  Layout l(Layout::Node::pad);
  l.number_ = multiple;
  l.parts_ = {std::move(part)};
  return l;
}
Layout turned(Layout part) {
  Layout l(Layout::Node::turn);
  l.parts_ = {std::move(part)};
  return l;
}

Packed Layout::pack(const Slots& slots, const Shards& shards) const {
  switch (kind_) {
    case Node::leaf:
      return pack_leaf(name_, slots, shards);
    case Node::interleave: {
      Packed out;
      std::vector<Packed> parts;
      for (const Layout& part : parts_)
        parts.push_back(part.pack(slots, number_ == 1 ? shards : Shards{}));
      int64_t period = 0;
      for (const Packed& part : parts) {
        if (!std::equal(part.shape.begin() + 1, part.shape.end(), parts[0].shape.begin() + 1,
                        parts[0].shape.end()))
          fail(Kind::mismatch, "{}: parts of shapes {} and {} cannot be packed together", str(),
               to_string(parts[0].shape), to_string(part.shape));
        period += divided(part.shape[0], number_, [&] { return str(); });
      }
      int64_t offset = 0;
      for (const Packed& part : parts) {
        const int64_t rows = part.shape[0] / number_;
        spread(out.pieces, part, number_, rows, period, offset);
        offset += rows;
      }
      out.shape = parts[0].shape;
      out.shape[0] = period * number_;
      if (number_ == 1) return out;
      return cut(out, shards.of(row_group(leaves(), slots)), [&] { return str(); });
    }
    case Node::stack: {
      Packed out;
      out.shape =
          each_piece(slots, shards, [&](Piece piece) { out.pieces.push_back(std::move(piece)); });
      return out;
    }
    case Node::pad: {  // a shard may be part padding
      Packed out = parts_[0].pack(slots);
      out.shape[0] = (out.shape[0] + number_ - 1) / number_ * number_;
      return cut(out, shards.of(row_group(leaves(), slots)), [&] { return str(); });
    }
    case Node::turn: {
      Packed out = parts_[0].pack(slots, shards);
      const int last = static_cast<int>(out.shape.size()) - 1;
      require(last >= 1, Kind::unsupported, "{}: only matrices can be turned", str());
      std::swap(out.shape[static_cast<size_t>(last)], out.shape[static_cast<size_t>(last) - 1]);
      for (Piece& piece : out.pieces) {
        std::swap(piece.at[static_cast<size_t>(last)], piece.at[static_cast<size_t>(last) - 1]);
        for (Piece::Dim& dim : piece.dims)
          if (dim.stored >= last - 1) dim.stored = 2 * last - 1 - dim.stored;
      }
      return out;
    }
  }
  fail(Kind::internal, "unknown kind of layout");
}

Shape Layout::each_piece(const Slots& slots, const Shards& shards,
                         const std::function<void(Piece piece)>& visit) const {
  Shape whole;
  if (kind_ != Node::stack) {
    Packed packed = pack(slots, shards);
    for (Piece& piece : packed.pieces) visit(std::move(piece));
    return std::move(packed.shape);
  }
  for (int64_t i = 0; i < number_; ++i) {
    Shape shape = parts_[0].with(name_, i).each_piece(slots, shards, [&](Piece piece) {
      piece.at.insert(piece.at.begin(), i);
      for (Piece::Dim& dim : piece.dims) ++dim.stored;
      visit(std::move(piece));
    });
    shape.insert(shape.begin(), number_);
    if (i != 0 && shape != whole)
      fail(Kind::mismatch, "{}: cannot be stacked, {} and {} differ", str(), to_string(whole),
           to_string(shape));
    whole = std::move(shape);
  }
  return whole;
}

Shape Layout::shape(const Slots& slots) const {
  return each_piece(slots, {}, [](const Piece&) {});
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

Layout Layout::with(const std::string& index, int64_t value) const {
  Layout copy = *this;
  if (kind_ == Node::leaf) copy.name_ = replaced(name_, "{" + index + "}", std::to_string(value));
  for (Layout& part : copy.parts_) part = part.with(index, value);
  return copy;
}

Layout Layout::renamed(const std::string& before, const std::string& after) const {
  Layout copy = *this;
  if (kind_ == Node::leaf) copy.name_ = before + name_ + after;
  for (Layout& part : copy.parts_) part = part.renamed(before, after);
  return copy;
}

std::vector<std::string> Layout::leaves() const {
  if (kind_ == Node::leaf) return {name_};
  std::vector<std::string> all;
  const bool stacked = kind_ == Node::stack;
  for (int64_t i = 0; i < (stacked ? number_ : 1); ++i)
    for (const Layout& part : parts_)
      for (std::string& leaf : (stacked ? part.with(name_, i) : part).leaves())
        all.push_back(std::move(leaf));
  return all;
}

Shape Layout::stacks() const {
  Shape counts;
  for (const Layout* node = this; node->kind_ == Node::stack; node = &node->parts_[0])
    counts.push_back(node->number_);
  return counts;
}

std::string Layout::str() const {
  std::string inner;
  for (const Layout& part : parts_) inner += (inner.empty() ? "" : ", ") + part.str();
  switch (kind_) {
    case Node::leaf:
      return name_;
    case Node::interleave:
      return number_ == 1 ? "fuse(" + inner + ")"
                          : fmt::format("interleave({}: {})", number_, inner);
    case Node::stack:
      return fmt::format("stack({} {}: {})", number_, name_, inner);
    case Node::pad:
      return fmt::format("pad({}: {})", number_, inner);
    case Node::turn:
      return "turned(" + inner + ")";
  }
  return inner;
}

}  // namespace bascule
