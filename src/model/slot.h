// Slots: the logical parameters of a model, whatever a file calls them and however it packs them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/box.h"
#include "model/arch.h"

namespace bascule {

/// Which ranks divide a parameter among them.
enum class Group { none, tensor, expert_tensor };

struct Slot {
  enum class Init { normal, scaled_normal, one, zero, other };

  std::string id;  // "layers.3.attn.q", "layers.3.attn.q.bias"
  Shape shape;     // [out, in] for a linear map
  int split = -1;  // the dimension that `group` divides
  Group group = Group::none;
  bool fp32 = false;  // stays fp32 whatever the model's dtype
  Init init = Init::normal;
  bool decay = true;  // weight decay applies
};

/// Every slot of a model in canonical order, with look-up by id.
class Slots {
 public:
  void add(Slot slot);
  const Slot* find(std::string_view id) const;
  const std::vector<Slot>& all() const { return all_; }
  size_t index(const Slot& slot) const { return static_cast<size_t>(&slot - all_.data()); }
  /// The number of parameters; int64 holds any real model.
  int64_t parameters() const;

 private:
  std::vector<Slot> all_;
  /// A hash table without copies of the ids: the number of a slot, from 1, or 0 where it is free.
  std::vector<uint32_t> places_;
};

/// Names every parameter of `arch`.
Slots slots(const Arch& arch);

/// The low-rank adapter of a linear slot W [out, in]: A [rank, in] and B [out, rank], with
/// W + scale * B A, and for DoRA the magnitude [out] (arXiv:2106.09685, arXiv:2402.09353). B is
/// divided as W's rows are, A as its columns; the magnitude as the rows.
struct AdapterSlots {
  Slot a, b, magnitude;
};
AdapterSlots adapter_slots(const Slot& slot, int64_t rank);

}  // namespace bascule
