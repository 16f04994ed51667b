// Trains a Hugging Face directory on given tokens, or goes on where checkpoint.load has stopped,
// and prints a JSON line a step; with checkpoint.save it saves at the end:
//
//   engine_steps HF_DIR TOKENS [mask=MASK] SETTINGS...
//
// TOKENS: int64, [step, micro-batch, row, length + 1]. MASK: fp32, [step, micro-batch, row,
// length], 1 where the loss counts. SETTINGS: key=value, as of a recipe.
#include <fmt/format.h>

#include <fstream>

#include "base/check.h"
#include "engine/program.h"
#include "recipe/resolve.h"
#include "train/save.h"
#include "train/start.h"
#include "train/step.h"

namespace bascule {
namespace {

template <class Number>
std::vector<Number> read_numbers(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  require(static_cast<bool>(file), Kind::user, "{} cannot be read", path);
  std::vector<Number> values(static_cast<size_t>(file.tellg()) / sizeof(Number));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(Number)));
  require(static_cast<bool>(file), Kind::user, "{} cannot be read", path);
  return values;
}

/// `rows` rows of `width`, from row `first` on.
template <class Number>
at::Tensor rows_of(const std::vector<Number>& values, int64_t first, int64_t rows, int64_t width) {
  const auto part = at::ArrayRef<Number>(values).slice(static_cast<size_t>(first * width),
                                                       static_cast<size_t>(rows * width));
  return at::tensor(part, at::TensorOptions(c10::CppTypeToScalarType<Number>::value))
      .view({rows, width});
}

int run(const std::vector<std::string>& words) {
  const auto tokens = read_numbers<int64_t>(words.at(1));
  std::vector<std::string> given(words.begin() + 2, words.end());
  std::vector<float> mask;
  if (!given.empty() && given[0].starts_with("mask=")) {
    mask = read_numbers<float>(given[0].substr(5));
    given.erase(given.begin());
  }
  given.push_back("checkpoint.pretrained_checkpoint=" + words.at(0));
  const Resolved resolved = resolve("tests/engine/steps.yaml", given);
  const Settings& settings = resolved.settings;
  NullReporter nobody;
  Training training = start(settings, nobody);
  const Batches sizes = batches(settings);
  const int64_t length = settings.model.seq_length;
  const MicroBatches read = [&](int64_t consumed, int64_t index) {
    const int64_t first = consumed + index * sizes.micro;
    const at::Tensor rows = rows_of(tokens, first, sizes.micro, length + 1);
    Batch batch{.sequences = sizes.micro, .length = length};
    batch.tokens = rows.narrow(1, 0, length).flatten();
    batch.labels = rows.narrow(1, 1, length).flatten();
    batch.loss_mask = mask.empty() ? at::ones({sizes.micro * length}, at::TensorOptions(at::kFloat))
                                   : rows_of(mask, first, sizes.micro, length).flatten();
    batch.positions = at::arange(length, at::TensorOptions(at::kLong)).repeat({sizes.micro});
    return batch;
  };
  while (training.counters.step < train_iters(settings)) {
    const Compute compute = [&](const MicroBatchAt& at) {
      return computed(training, read(at.consumed, at.index), at);
    };
    const StepResult r = train_step(training, compute, sizes);
    fmt::print("{{\"loss\": {:.17g}, \"grad_norm\": {:.17g}, \"lr\": {:.17g}, \"wd\": {:.17g}}}\n",
               r.loss, r.gradient_norm, r.lr, r.weight_decay);
  }
  if (settings.checkpoint.save) write(*snapshot(training, resolved, /*copied=*/false), nobody);
  return 0;
}

}  // namespace
}  // namespace bascule

int main(int count, char** arguments) {
  return bascule::program_main("engine_steps", count, arguments, bascule::run);
}
