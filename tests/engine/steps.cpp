// Trains a Hugging Face directory on given tokens and prints a JSON line a step:
//
//   engine_steps HF_DIR TOKENS SETTINGS...
//
// TOKENS: int64, [step, micro-batch, row, length + 1]. SETTINGS: key=value, as of a recipe.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>

#include "base/check.h"
#include "recipe/resolve.h"
#include "train/start.h"
#include "train/step.h"

namespace bascule {
namespace {

std::vector<int64_t> read_tokens(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::vector<int64_t> values(static_cast<size_t>(file.tellg()) / sizeof(int64_t));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(int64_t)));
  require(static_cast<bool>(file), Kind::user, "{} cannot be read", path);
  return values;
}

int run(const std::vector<std::string>& words) {
  const std::vector<int64_t> tokens = read_tokens(words.at(1));
  std::vector<std::string> given(words.begin() + 2, words.end());
  given.push_back("checkpoint.pretrained_checkpoint=" + words.at(0));
  const Settings settings = resolve("tests/engine/steps.yaml", given).settings;
  NullReporter nobody;
  Training training = start(settings, nobody);
  const Batches sizes = batches(settings);
  const int64_t length = settings.model.seq_length;
  const MicroBatches read = [&](int64_t consumed, int64_t index) {
    const int64_t first = (consumed + index * sizes.micro) * (length + 1);
    const at::Tensor rows =
        at::tensor(at::ArrayRef<int64_t>(tokens).slice(static_cast<size_t>(first),
                                                       static_cast<size_t>(sizes.micro * (length + 1))),
                   at::TensorOptions(at::kLong))
            .view({sizes.micro, length + 1});
    Batch batch{.sequences = sizes.micro, .length = length};
    batch.tokens = rows.narrow(1, 0, length).flatten();
    batch.labels = rows.narrow(1, 1, length).flatten();
    batch.loss_mask = at::ones({sizes.micro * length}, at::TensorOptions(at::kFloat));
    batch.positions = at::arange(length, at::TensorOptions(at::kLong)).repeat({sizes.micro});
    return batch;
  };
  for (int64_t i = 0; i < train_iters(settings); ++i) {
    const StepResult r = train_step(training, read, sizes, schedule(settings));
    fmt::print("{{\"loss\": {:.17g}, \"grad_norm\": {:.17g}, \"lr\": {:.17g}, \"wd\": {:.17g}}}\n",
               r.loss, r.gradient_norm, r.lr, r.weight_decay);
  }
  return 0;
}

}  // namespace
}  // namespace bascule

int main(int count, char** arguments) {
  try {
    return bascule::run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "engine_steps: %s\n", error.what());
    return 1;
  }
}
