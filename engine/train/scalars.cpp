#include "train/scalars.h"

#include <algorithm>
#include <cmath>

namespace bascule {
namespace {

class ScalarsTo : public MetricsSink {
 public:
  ScalarsTo(const LoggerSettings& settings, std::function<void(int64_t, const Scalars&)> log)
      : settings_(settings), log_(std::move(log)) {}

  void step(const StepRow& row) override {
    if (const Scalars all = scalars(row, settings_); !all.empty()) log_(row.step, all);
  }
  void evaluation(const EvaluationRow& row) override { log_(row.step, scalars(row, settings_)); }

 private:
  LoggerSettings settings_;
  std::function<void(int64_t, const Scalars&)> log_;
};

}  // namespace

Scalars scalars(const StepRow& row, const LoggerSettings& settings) {
  if (row.step % settings.tensorboard_log_interval != 0) return {};
  const StepResult& r = row.result;
  Scalars all = {{"learning-rate", r.lr},
                 {"lm loss", r.loss},
                 {"grad-norm", r.gradient_norm},
                 {"batch-size", static_cast<double>(r.sequences)},
                 {"iteration-time", row.seconds}};
  all.insert(all.end(), r.reported.begin(), r.reported.end());
  if (r.zeros) all.emplace_back("num-zeros", static_cast<double>(*r.zeros));
  if (r.parameter_norm) all.emplace_back("params-norm", *r.parameter_norm);
  if (settings.log_memory_to_tensorboard && row.peak_bytes > 0)
    all.emplace_back("memory/peak_allocated_mem", static_cast<double>(row.peak_bytes) / 1e9);
  if (settings.log_throughput_to_tensorboard) {
    all.emplace_back("throughput/tokens_per_sec", r.tokens / row.seconds);
    if (row.flops > 0)
      for (const char* name : {"throughput/tflops", "throughput/tflops/device"})
        all.emplace_back(name, row.flops / row.seconds / 1e12);
  }
  return all;
}

Scalars scalars(const EvaluationRow& row, const LoggerSettings& settings) {
  Scalars all = {{"lm loss " + row.split, row.loss}};
  if (settings.log_validation_ppl_to_tensorboard)
    all.emplace_back("lm loss " + row.split + " ppl", std::exp(std::min(20.0, row.loss)));
  for (const auto& [name, mean] : row.reported) all.emplace_back(name + " " + row.split, mean);
  return all;
}

std::unique_ptr<MetricsSink> scalars_to(
    const LoggerSettings& settings, std::function<void(int64_t step, const Scalars& scalars)> log) {
  return std::make_unique<ScalarsTo>(settings, std::move(log));
}

}  // namespace bascule
