// The saves of a run, one after the other: while it waits, or in a thread beside it. Owned by the
// run's thread, on which all calls back come.
#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <optional>

#include "bascule/reporter.h"
#include "base/interrupt.h"
#include "recipe/resolve.h"
#include "train/training.h"

namespace bascule {

class Saver {
 public:
  /// `saved` is told the directory of each checkpoint once it is whole. All must outlive the saver.
  Saver(const Resolved& resolved, Reporter& reporter,
        std::function<void(const std::filesystem::path&)> saved);
  /// Waits for the save that is under way. Its error is only warned of: the run ends for another.
  ~Saver();
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;

  /// Saves the run as it is now, after the save before this one has ended. With
  /// checkpoint.async_save it returns once the run is copied.
  void save(const Training& run);
  /// Ends a save that its thread is done with. Throws what that has thrown.
  void poll();
  /// Waits for the save that is under way, if any. Throws what it has thrown.
  void finish();

 private:
  const Resolved& resolved_;
  Reporter& reporter_;
  std::function<void(const std::filesystem::path&)> saved_;
  std::future<std::filesystem::path> under_way_;
  std::optional<Uninterrupted> until_saved_;  // a signal does not stop a save beside training
};

}  // namespace bascule
