// The micro-batches of a run, each read on another thread while the one before it is computed.
// Owned by the run's thread.
#pragma once

#include <future>
#include <optional>

#include "recipe/batches.h"
#include "train/step.h"

namespace bascule {

class ReadAhead {
 public:
  /// `read` gives the same for the same arguments; it is called from one thread at a time. Nothing
  /// is read ahead from sample `end` on. What `read` refers to must outlive this.
  ReadAhead(MicroBatches read, const Batches& batches, int64_t end);
  /// Waits for what is under way; its error is nobody's, as nobody has asked for it.
  ~ReadAhead() = default;
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// What `read` gives, or throws, for these.
  Batch get(int64_t consumed, int64_t index);

 private:
  struct Place {
    int64_t consumed = 0, index = 0;
    bool operator==(const Place&) const = default;
  };
  Place after(const Place& place) const;
  void begin(const Place& place);

  MicroBatches read_;
  Batches batches_;
  int64_t end_;
  Place ahead_;                   // what is under way
  std::future<Batch> under_way_;  // last: its destructor waits, while the others still live
};

}  // namespace bascule
