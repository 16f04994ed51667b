#include "model/slot.h"

#include <algorithm>
#include <functional>

#include "base/check.h"

namespace bascule {
namespace {

/// Where the slot of this id has its number, or would have it. Half of the places are free.
size_t place_of(std::string_view id, const std::vector<uint32_t>& places,
                const std::vector<Slot>& all) {
  size_t at = std::hash<std::string_view>()(id) % places.size();
  while (places[at] != 0 && all[places[at] - 1].id != id) at = (at + 1) % places.size();
  return at;
}

}  // namespace

void Slots::add(Slot slot) {
  if (places_.size() <= 2 * all_.size()) {
    places_.assign(std::max<size_t>(64, 2 * places_.size()), 0);
    for (size_t i = 0; i < all_.size(); ++i)
      places_[place_of(all_[i].id, places_, all_)] = static_cast<uint32_t>(i + 1);
  }
  uint32_t& number = places_[place_of(slot.id, places_, all_)];
  require(number == 0, Kind::internal, "slot {} is named twice", slot.id);
  all_.push_back(std::move(slot));
  number = static_cast<uint32_t>(all_.size());
}

const Slot* Slots::find(std::string_view id) const {
  if (places_.empty()) return nullptr;
  const uint32_t number = places_[place_of(id, places_, all_)];
  return number == 0 ? nullptr : &all_[number - 1];
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
