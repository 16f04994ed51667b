#include "train/metrics.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/check.h"
#include "base/directories.h"

namespace bascule {
namespace {

using Json = nlohmann::ordered_json;

/// JSON has no numbers for what is not finite.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

/// The rows of steps up to `from`. A killed run may have left a line without its end; any other
/// that is no row is of a file that is not ours.
std::string rows_until(int64_t from, const std::string& text, const std::string& path) {
  std::string kept;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const Json row = Json::parse(line, nullptr, false);
    const bool known = row.is_object() && row.contains("step") && row["step"].is_number_integer();
    require(known || lines.eof(), Kind::user,
            "{} is there, and not all of its lines are rows of steps: name another file", path);
    if (known && row["step"].get<int64_t>() <= from) kept += line + "\n";
  }
  return kept;
}

class JsonLines : public MetricsSink {
 public:
  JsonLines(const std::filesystem::path& path, int64_t from) {
    if (path.has_parent_path()) make_directories(path.parent_path());
    file_ = File::modify(path);
    std::string text(static_cast<size_t>(file_.size()), '\0');
    file_.pread_exact(0, std::as_writable_bytes(std::span(text.data(), text.size())));
    const std::string kept = rows_until(from, text, path.string());
    if (kept != text) {
      write_file_atomically(path, kept);
      file_ = File::modify(path);
    }
    end_ = static_cast<int64_t>(kept.size());
  }

  void step(const StepRow& row) override { append(to_json(row)); }
  void evaluation(const EvaluationRow& row) override { append(to_json(row)); }

 private:
  void append(const std::string& row) {
    const std::string line = row + "\n";
    file_.pwrite_all(end_, as_bytes(line));
    end_ += static_cast<int64_t>(line.size());
  }

  File file_;
  int64_t end_ = 0;
};

void add_reported(const std::vector<std::pair<std::string, double>>& reported, Json& all) {
  for (const auto& [name, mean] : reported) all["reported"][name] = number(mean);
}

std::string dumped(const Json& row) {
  return row.dump(-1, ' ', false, Json::error_handler_t::replace);  // names come from users
}

}  // namespace

std::string to_json(const StepRow& row) {
  const StepResult& r = row.result;
  Json all = {{"step", row.step},
              {"loss", number(r.loss)},
              {"grad_norm", number(r.gradient_norm)},
              {"lr", r.lr},
              {"weight_decay", r.weight_decay},
              {"tokens", r.tokens},
              {"global_batch_size", r.sequences},
              {"consumed_samples", row.consumed_samples},
              {"seconds", row.seconds},
              {"tokens_per_second", number(r.tokens / row.seconds)},
              {"skipped", !r.applied}};
  if (row.flops > 0) all["tflops"] = number(row.flops / row.seconds / 1e12);
  if (r.zeros) all["zero_gradients"] = *r.zeros;
  if (r.parameter_norm) all["params_norm"] = number(*r.parameter_norm);
  if (row.peak_bytes > 0) all["peak_memory_bytes"] = row.peak_bytes;
  add_reported(r.reported, all);
  return dumped(all);
}

std::string to_json(const EvaluationRow& row) {
  Json all = {{"step", row.step}, {row.split + "_loss", number(row.loss)}};
  add_reported(row.reported, all);
  return dumped(all);
}

std::unique_ptr<MetricsSink> json_lines(const std::filesystem::path& path, int64_t from) {
  return std::make_unique<JsonLines>(path, from);
}

}  // namespace bascule
