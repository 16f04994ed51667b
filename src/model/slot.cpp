#include "model/slot.h"

#include "base/check.h"

namespace bascule {

void Slots::add(Slot slot) {
  const auto [at, fresh] = by_id_.emplace(slot.id, all_.size());
  require(fresh, Kind::internal, "slot {} is named twice", slot.id);
  all_.push_back(std::move(slot));
}

const Slot* Slots::find(const std::string& id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &all_[at->second];
}

int64_t Slots::parameters() const {
  int64_t total = 0;
  for (const Slot& slot : all_) total += elements(slot.shape);
  return total;
}

AdapterSlots adapter_slots(const Slot& slot, int64_t rank) {
  require(slot.shape.size() == 2, Kind::unsupported, "an adapter needs a matrix; {} has shape {}",
          slot.id, to_string(slot.shape));
  const Group rows = slot.split == 0 ? slot.group : Group::none;
  const Group columns = slot.split == 1 ? slot.group : Group::none;
  AdapterSlots adapter;
  adapter.a = {.id = slot.id + ".lora_a",
               .shape = {rank, slot.shape[1]},
               .split = columns == Group::none ? -1 : 1,
               .group = columns};
  adapter.b = {.id = slot.id + ".lora_b",
               .shape = {slot.shape[0], rank},
               .split = rows == Group::none ? -1 : 0,
               .group = rows,
               .init = Slot::Init::zero};
  adapter.magnitude = {.id = slot.id + ".magnitude",
                       .shape = {slot.shape[0]},
                       .split = rows == Group::none ? -1 : 0,
                       .group = rows,
                       .init = Slot::Init::other,
                       .decay = false};
  return adapter;
}

}  // namespace bascule
