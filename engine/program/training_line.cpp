#include "program/training_line.h"

#include <fmt/format.h>

#include "cli/quantities.h"

namespace bascule::cli {

void TrainingLine::step(const StepRow& row) {
  ended_ = Clock::now();
  if (!last_) began_ = ended_;
  if (!last_) first_ = row.step;
  last_ = row;
  draw();
}

void TrainingLine::draw() {
  if (!last_) return;
  const int64_t step = last_->step, steps = last_->steps, timed = step - first_;
  const std::string all = fmt::format("{}", steps);
  std::vector<std::string> facts = {fmt::format("step {:>{}} of {}", step, all.size(), all),
                                    fmt::format("loss {:.4f}", last_->result.loss)};
  if (timed > 0 && step < steps) {  // over the whole run, so that evaluations and saves are in it
    const double seconds = std::chrono::duration<double>(ended_ - began_).count();
    const double left = seconds / static_cast<double>(timed) * static_cast<double>(steps - step);
    facts.push_back(fmt::format("{:>6} left", seconds_text(left)));
  }
  progress_.draw("training", static_cast<double>(step) / static_cast<double>(steps), facts);
}

}  // namespace bascule::cli
