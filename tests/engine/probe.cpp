// Computes logits, the mean loss and the gradient of every tensor of a Hugging Face directory:
//
//   engine_probe HF_DIR TOKENS SEQUENCES LENGTH DTYPE OUT
//
// TOKENS: int64, [SEQUENCES, LENGTH + 1]. OUT: a folder for logits.bin and gradients.bin (fp64, as
// index.json lists them, under the names of the Hugging Face directory).
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "bridge/opened.h"
#include "engine/program.h"
#include "nn/arena_source.h"
#include "nn/decoder.h"

namespace bascule {
namespace {

using at::Tensor;

Batch read_batch(const std::string& path, int64_t sequences, int64_t length) {
  std::vector<int64_t> values(static_cast<size_t>(sequences * (length + 1)));
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(int64_t)));
  require(static_cast<bool>(file), Kind::user, "{} is too short", path);
  const Tensor all =
      at::from_blob(values.data(), {sequences, length + 1}, at::TensorOptions(at::kLong)).clone();
  Batch batch{.sequences = sequences, .length = length};
  batch.tokens = all.narrow(1, 0, length).flatten();
  batch.labels = all.narrow(1, 1, length).flatten();
  batch.loss_mask = at::ones({sequences * length}, at::TensorOptions(at::kFloat));
  batch.positions = at::arange(length, at::TensorOptions(at::kLong)).repeat({sequences});
  return batch;
}

void append(const Tensor& tensor, std::ofstream& file) {
  const Tensor wide = tensor.to(at::kDouble).contiguous();
  file.write(static_cast<const char*>(wide.const_data_ptr()),
             static_cast<std::streamsize>(wide.nbytes()));
}

int run(const std::vector<std::string>& arguments) {
  require(arguments.size() == 6, Kind::user, "HF_DIR TOKENS SEQUENCES LENGTH DTYPE OUT");
  const Opened opened = open_hf(arguments[0], {});
  const Batch batch = read_batch(arguments[1], std::stoll(arguments[2]), std::stoll(arguments[3]));
  const at::ScalarType type = arguments[4] == "float64"    ? at::kDouble
                              : arguments[4] == "bfloat16" ? at::kBFloat16
                                                           : at::kFloat;
  Parameters parameters(opened.slots, megatron_local(opened.arch, opened.slots, {}, 0, {}), {},
                        {.dtype = type});
  std::vector<NamedTensor> values, gradients;
  for (const Parameter& each : parameters.all()) {
    values.push_back({each.name, each.value});
    if (each.gradient.defined())
      gradients.push_back({each.name, each.gradient});
    else
      gradients.push_back({each.name, at::zeros_like(each.value)});
  }
  fill(opened.slots, opened.source(), opened.dialect, parameters.dialect(), {}, values);
  const Decoder decoder(opened.arch, parameters);

  const std::filesystem::path out = arguments[5];
  std::filesystem::create_directories(out);
  std::ofstream logits(out / "logits.bin", std::ios::binary);
  append(decoder.logits(batch), logits);
  const LossSum sum =
      decoder.forward_backward(batch, 1 / static_cast<double>(batch.sequences * batch.length));
  parameters.end_step();

  std::vector<NamedTensor> named;
  for (const Binding& row : opened.dialect.bindings)
    named.push_back({row.name, at::empty(row.layout.pack(opened.slots).shape,
                                         at::TensorOptions(gradients[0].tensor.dtype()))});
  fill(opened.slots, ArenaSource(gradients), parameters.dialect(), opened.dialect, {}, named);
  std::ofstream data(out / "gradients.bin", std::ios::binary);
  std::string index =
      fmt::format("{{\"loss\": {:.17g}, \"gradients\": [", sum.loss() / sum.tokens());
  for (const NamedTensor& each : named) {
    append(each.tensor, data);
    index += fmt::format("{}\"{}\"", &each == named.data() ? "" : ", ", each.name);
  }
  std::ofstream(out / "index.json") << index << "]}\n";
  return 0;
}

}  // namespace
}  // namespace bascule

int main(int count, char** arguments) {
  return bascule::program_main("engine_probe", count, arguments, bascule::run);
}
