// What a run reports, as rows to sinks. Sinks are called from the training thread alone.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "train/step.h"

namespace bascule {

/// A step with what it took.
struct StepRow {
  int64_t step = 0, steps = 0;  // this one, of so many
  int64_t consumed_samples = 0;
  double seconds = 0;
  double flops = 0;        // of the step, as the peers count them; 0: not known
  int64_t peak_bytes = 0;  // the most that tensors took on the device so far
  StepResult result;
};

struct EvaluationRow {
  int64_t step = 0;
  std::string split;  // "validation" or "test"
  double loss = 0;
  std::vector<std::pair<std::string, double>> reported = {};  // other means than the loss
};

/// The rows as JSON objects, as the file of json_lines() has them.
std::string to_json(const StepRow& row);
std::string to_json(const EvaluationRow& row);

class MetricsSink {
 public:
  virtual ~MetricsSink() = default;
  virtual void step(const StepRow& row) = 0;
  virtual void evaluation(const EvaluationRow& row) = 0;
};

/// Appends one JSON object a row to a file. Rows of steps after `from`, which a run that was killed
/// has left behind, are dropped first.
std::unique_ptr<MetricsSink> json_lines(const std::filesystem::path& path, int64_t from);

}  // namespace bascule
