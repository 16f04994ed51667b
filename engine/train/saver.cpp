#include "train/saver.h"

#include <chrono>

#include "base/check.h"
#include "kernels/memory_count.h"
#include "train/save.h"

namespace bascule {

namespace fs = std::filesystem;

Saver::Saver(const Resolved& resolved, Reporter& reporter,
             std::function<void(const fs::path&)> saved)
    : resolved_(resolved), reporter_(reporter), saved_(std::move(saved)) {}

Saver::~Saver() {
  try {
    finish();
  } catch (const std::exception& error) {
    try {
      reporter_.warn(fmt::format("the save that was under way failed, too: {}", error.what()));
    } catch (...) {
      // What a listener throws has nobody to go to here.
    }
  }
}

void Saver::save(const Training& run) {
  finish();
  const bool beside = resolved_.settings.checkpoint.async_save;
  auto taken = snapshot(run, resolved_, /*copied=*/beside);
  if (!beside) return saved_(write(*taken, reporter_));
  until_saved_.emplace();
  under_way_ = std::async(std::launch::async, [taken = std::move(taken)] {
    NullReporter nobody;  // what people see is the training
    return write(*taken, nobody);
  });
}

void Saver::poll() {
  if (under_way_.valid() &&
      under_way_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
    finish();
}

void Saver::finish() {
  if (!under_way_.valid()) return;
  under_way_.wait();
  until_saved_.reset();
  const fs::path path = under_way_.get();
  release_kept_memory();  // the copy's
  saved_(path);
}

}  // namespace bascule
