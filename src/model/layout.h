// How a stored tensor is packed from slots.
//
// A Layout is a small tree: leaves name slots, inner nodes pack them. It is a bijection between the
// elements of its slots and those of the stored tensor (padding aside), so that one tree serves
// import, export, sharded reads, adapters and verification. A value: copy and share freely.
#pragma once

#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "base/box.h"
#include "model/run.h"
#include "model/slot.h"

namespace bascule {

/// One of how many ranks.
struct Shard {
  int64_t rank = 0, of = 1;
  bool operator==(const Shard&) const = default;
};

/// This rank's share of what each group divides.
struct Shards {
  Shard tensor = {}, expert = {};
  Shard of(Group group) const {
    return group == Group::tensor ? tensor : group == Group::expert_tensor ? expert : Shard{};
  }
};

/// The elements of one slot that a stored tensor holds: the product of what each dimension maps.
struct Piece {
  struct Dim {
    int stored = 0;  // the stored tensor's dimension along which this slot dimension lies
    Runs runs;       // from: index in the slot; to: index in the stored tensor
    bool operator<(const Dim& other) const {
      return std::tie(stored, runs) < std::tie(other.stored, other.runs);
    }
  };
  std::string slot;
  std::vector<Dim> dims;  // one for each dimension of the slot
  Shape at;  // where the piece lies along stored dimensions that no slot dimension maps

  int64_t elements() const;
};

struct Packed {
  Shape shape;
  std::vector<Piece> pieces;
  /// Elements that no piece covers.
  int64_t padding() const;
};

class Layout {
 public:
  Layout(const char* slot);  // NOLINT(google-explicit-constructor): a name is the commonest layout
  Layout(std::string slot);  // NOLINT(google-explicit-constructor)

  friend Layout interleave(int64_t groups, std::vector<Layout> parts);
  friend Layout stack(std::string index, int64_t count, Layout part);
  friend Layout pad_rows(int64_t multiple, Layout part);
  friend Layout turned(Layout part);

  /// Lays the slots out as one shard holds them. Fused halves are cut, then packed; groups are
  /// packed, then cut (which also covers more ranks than key-value heads). Throws Error{mismatch}
  /// on a slot that does not exist and Error{unsupported} where sizes do not divide.
  Packed pack(const Slots& slots, const Shards& shards = {}) const;
  /// The same piece by piece, since a stack of experts may have 10^5: gives each to `visit` and
  /// returns the shape.
  Shape each_piece(const Slots& slots, const Shards& shards,
                   const std::function<void(Piece piece)>& visit) const;
  /// The shape of the stored tensor.
  Shape shape(const Slots& slots) const;

  /// Puts `value` for {index} in the slots' names.
  Layout with(const std::string& index, int64_t value) const;
  /// Puts text around every slot's name.
  Layout renamed(const std::string& before, const std::string& after) const;
  /// The slots' names, stacks spelled out.
  std::vector<std::string> leaves() const;
  /// How often each outer stack repeats, outermost first: {L} or {L, E}; empty without a stack.
  Shape stacks() const;
  /// The first stacked part with its indices 0, for what all parts have alike.
  std::string str() const;

  /// The tree is open to tests, which change layouts in memory (mutation checks).
  enum class Node { leaf, interleave, stack, pad, turn };
  Node kind() const { return kind_; }
  int64_t number() const { return number_; }
  const std::vector<Layout>& parts() const { return parts_; }
  std::vector<Layout>& parts() { return parts_; }
  void set_number(int64_t number) { number_ = number; }
  const std::string& name() const { return name_; }

 private:
  explicit Layout(Node kind) : kind_(kind) {}
  Node kind_;
  std::string name_;    // leaf: slot; stack: index
  int64_t number_ = 1;  // interleave: groups; stack: count; pad: multiple
  std::vector<Layout> parts_;
};

Layout interleave(int64_t groups, std::vector<Layout> parts);  // group 0 of each part, group 1, ...
inline Layout fuse(std::vector<Layout> parts) { return interleave(1, std::move(parts)); }
Layout stack(std::string index, int64_t count, Layout part);  // a new leading axis
Layout pad_rows(int64_t multiple, Layout part);               // zero rows up to a multiple
Layout turned(Layout part);                                   // the last two dimensions swapped

/// `text` with every `what` replaced.
std::string replaced(std::string text, const std::string& what, const std::string& by);

}  // namespace bascule
