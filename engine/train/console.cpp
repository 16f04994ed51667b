#include "train/console.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cmath>

namespace bascule {

std::string console_line(const std::vector<StepRow>& rows, bool throughput, int64_t now) {
  const StepRow& last = rows.back();
  double seconds = 0, loss = 0, flops = 0;
  std::vector<Reported> others;
  int64_t applied = 0, skipped = 0, not_numbers = 0;  // since the last line, as Megatron counts
  for (const StepRow& row : rows) {
    seconds += row.seconds;
    flops += row.flops;
    if (row.result.applied) {
      loss += row.result.loss;
      ++applied;
      for (const auto& [name, mean] : row.result.reported) add({name, mean, 1}, others);
    } else {
      ++skipped;
      not_numbers += !std::isfinite(row.result.loss);
    }
  }
  const auto count = static_cast<double>(rows.size());
  std::string line = fmt::format(
      " [{:%Y-%m-%d %H:%M:%S}] iteration {:8}/{:8} | consumed samples: {:12} | elapsed time per "
      "iteration (ms): {:.1f} |",
      fmt::localtime(static_cast<std::time_t>(now)), last.step, last.steps, last.consumed_samples,
      seconds / count * 1e3);
  if (throughput && flops > 0)
    line += fmt::format(" throughput per GPU (TFLOP/s/GPU): {:.1f} |", flops / seconds / 1e12);
  line += fmt::format(" learning rate: {:.6E} | global batch size: {:5} |", last.result.lr,
                      last.result.sequences);
  if (applied > 0) line += fmt::format(" lm loss: {:.6E} |", loss / static_cast<double>(applied));
  for (const Reported& each : others)
    line += fmt::format(" {}: {:.6E} |", each.name, each.sum / each.count);
  line += fmt::format(" loss scale: 1.0 | grad norm: {:.3f} |", last.result.gradient_norm);
  if (last.result.zeros) line += fmt::format(" num zeros: {} |", *last.result.zeros);
  if (last.result.parameter_norm)
    line += fmt::format(" params norm: {:.3f} |", *last.result.parameter_norm);
  line += fmt::format(
      " number of skipped iterations: {:3} | number of nan "
      "iterations: {:3} |",
      skipped, not_numbers);
  return line;
}

std::string console_line(const EvaluationRow& row) {
  std::string line =
      fmt::format(" {} loss at iteration {} | lm loss value: {:.6E} | lm loss PPL: {:.6E} |",
                  row.split, row.step, row.loss, std::exp(std::min(20.0, row.loss)));
  for (const auto& [name, mean] : row.reported)
    line += fmt::format(" {} value: {:.6E} |", name, mean);
  return line;
}

}  // namespace bascule
