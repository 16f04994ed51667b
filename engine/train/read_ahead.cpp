#include "train/read_ahead.h"

#include <system_error>

namespace bascule {

ReadAhead::ReadAhead(MicroBatches read, const Batches& batches, int64_t end)
    : read_(std::move(read)), batches_(batches), end_(end) {}

Batch ReadAhead::get(int64_t consumed, int64_t index) {
  const Place asked{consumed, index};
  const bool expected = under_way_.valid() && ahead_ == asked;
  if (!expected && under_way_.valid()) under_way_ = {};  // waits
  Batch batch = expected ? under_way_.get() : read_(consumed, index);
  begin(after(asked));
  return batch;
}

ReadAhead::Place ReadAhead::after(const Place& place) const {
  if (place.index + 1 < batches_.micro_batches_at(place.consumed))
    return {place.consumed, place.index + 1};
  return {place.consumed + batches_.global_at(place.consumed), 0};
}

void ReadAhead::begin(const Place& place) {
  if (place.consumed >= end_) return;
  ahead_ = place;
  try {
    under_way_ = std::async(std::launch::async,
                            [this, place] { return read_(place.consumed, place.index); });
  } catch (const std::system_error&) {
    // There is no thread to be had: it is read when it is asked for.
  }
}

}  // namespace bascule
