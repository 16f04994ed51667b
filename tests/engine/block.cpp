// Runs one block that no family here uses, forward and backward, in fp64:
//
//   engine_block CASE FOLDER
//
// FOLDER/given.txt names, a line each, what given.bin holds after one another in fp64: "in" and
// "dout" [tokens, hidden], then slots of layer 0, whose shapes the case knows. Writes got.txt and
// got.bin likewise: "out", "din" and the gradients of the slots.
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "base/check.h"
#include "convert/plan.h"
#include "engine/program.h"
#include "model/megatron.h"
#include "nn/arena_source.h"
#include "nn/attention_block.h"
#include "nn/feed_forward.h"
#include "nn/moe.h"
#include "nn/residual.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using at::Tensor;

constexpr int64_t kSequences = 2, kLength = 40, kHidden = 32;

Arch arch_of(const Gqa& gqa, const FeedForward& feed_forward) {
  Arch arch{.vocab = 8, .hidden = kHidden, .max_positions = 64, .norm = {.eps = 1e-5}};
  arch.layers = {{gqa, feed_forward}};
  return arch;
}

Arch gpt_oss(std::optional<int64_t> window, bool truncate) {
  Arch arch = arch_of({.heads = 4,
                       .kv_heads = 2,
                       .head_dim = 16,
                       .qkv_bias = true,
                       .out_bias = true,
                       .window = window,
                       .sinks = true},
                      Mlp{.width = 8});
  arch.rope = {.theta = 150000,
               .scaling = RopeScaling{.kind = RopeScaling::Kind::yarn,
                                      .factor = 4,
                                      .original_length = 16,
                                      .truncate = truncate}};
  return arch;
}

Arch sigmoid_moe(int64_t groups, int64_t group_top_k, double scale, int64_t shared) {
  return arch_of({.heads = 2, .kv_heads = 2, .head_dim = 16}, Moe{.experts = 8,
                                                                  .top_k = 3,
                                                                  .width = 12,
                                                                  .shared_width = shared,
                                                                  .score = Moe::Score::sigmoid,
                                                                  .routed_scale = scale,
                                                                  .expert_bias = true,
                                                                  .groups = groups,
                                                                  .group_top_k = group_top_k});
}

Arch nemotron() {
  Arch arch = arch_of({.heads = 4, .kv_heads = 2, .head_dim = 16},
                      Mlp{.width = 24, .activation = Activation::relu2, .gated = false});
  arch.norm = {.kind = Norm::Kind::layer, .eps = 1e-5, .zero_centred = true};
  arch.rope.percent = 0.5;
  return arch;
}

using Blocks = std::vector<std::unique_ptr<Block>>;

Blocks attention(const Parameters& parameters, const Arch& arch) {
  Blocks blocks;
  blocks.push_back(
      std::make_unique<AttentionBlock>(parameters, arch, arch.first<Gqa>(), "layers.0."));
  return blocks;
}

Blocks experts(const Parameters& parameters, const Arch& arch) {
  Blocks blocks;
  blocks.push_back(
      std::make_unique<MoeBlock>(parameters, arch.first<Moe>(), MoeRules{}, "layers.0."));
  return blocks;
}

Blocks whole_layer(const Parameters& parameters, const Arch& arch) {
  const Mlp mlp = arch.first<Mlp>();
  Blocks blocks;
  blocks.push_back(std::make_unique<Residual>(
      NormBlock(parameters, arch.norm, "layers.0.attn_norm"),
      std::make_unique<AttentionBlock>(parameters, arch, arch.first<Gqa>(), "layers.0."),
      std::nullopt));
  blocks.push_back(std::make_unique<Residual>(
      NormBlock(parameters, arch.norm, "layers.0.mlp_norm"),
      std::make_unique<FeedForwardBlock>(parameters, mlp.activation, mlp.gated, "layers.0.mlp."),
      std::nullopt));
  return blocks;
}

struct Case {
  Arch arch;
  std::function<Blocks(const Parameters&, const Arch&)> blocks;
};

const std::map<std::string, Case>& cases() {
  static const std::map<std::string, Case> all = {
      {"gpt_oss", {gpt_oss({}, false), attention}},
      {"gpt_oss_window", {gpt_oss(8, true), attention}},
      {"deepseek_v3", {sigmoid_moe(4, 2, 2.5, 24), experts}},
      {"glm4_moe", {sigmoid_moe(1, 1, 1.5, 12), experts}},
      {"nemotron", {nemotron(), whole_layer}},
  };
  return all;
}

std::vector<std::string> lines(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> all;
  for (std::string line; std::getline(file, line);) all.push_back(line);
  return all;
}

Tensor read_tensor(std::ifstream& file, const Shape& shape) {
  const Tensor tensor = at::empty(shape, at::TensorOptions(at::kDouble));
  file.read(static_cast<char*>(tensor.mutable_data_ptr()),
            static_cast<std::streamsize>(tensor.nbytes()));
  require(static_cast<bool>(file), Kind::user, "given.bin is too short");
  return tensor;
}

int run(const std::vector<std::string>& words) {
  require(words.size() == 2, Kind::user, "CASE FOLDER");
  const Case& wanted = cases().at(words[0]);
  const fs::path folder = words[1];
  const Slots all = slots(wanted.arch);
  const Dialect local = megatron_local(wanted.arch, all, {}, 0, {});
  Parameters parameters(all, local, {}, {.dtype = at::kDouble});

  const std::vector<std::string> names = lines(folder / "given.txt");
  std::ifstream data(folder / "given.bin", std::ios::binary);
  const Shape rows = {kSequences * kLength, kHidden};
  const Tensor in = read_tensor(data, rows), dout = read_tensor(data, rows);
  const std::vector<std::string> given(names.begin() + 2, names.end());
  std::map<std::string, Tensor> by_name;
  for (const std::string& each : given) {
    require(all.find(each) != nullptr, Kind::user, "{} is no slot of the block in {}", each,
            folder.string());
    by_name[each] = read_tensor(data, all.find(each)->shape);
  }
  std::vector<NamedTensor> whole, values, gradients;
  for (const Slot& each : all.all()) {
    const auto found = by_name.find(each.id);
    whole.push_back({each.id, found == by_name.end()
                                  ? at::zeros(each.shape, at::TensorOptions(at::kDouble))
                                  : found->second});
  }
  for (const Parameter& each : parameters.all()) values.push_back({each.name, each.value});
  fill(all, ArenaSource(whole), canonical(all), parameters.dialect(), {}, values);

  Batch batch{.sequences = kSequences, .length = kLength};
  batch.positions = at::arange(kLength, at::TensorOptions(at::kLong)).repeat({kSequences});
  const Blocks blocks = wanted.blocks(parameters, wanted.arch);
  std::vector<Saved> saved(blocks.size());
  Tensor out = in;
  for (size_t i = 0; i < blocks.size(); ++i) out = blocks[i]->forward(out, batch, saved[i]);
  Tensor din = dout;
  for (size_t i = blocks.size(); i-- > 0;) din = blocks[i]->backward(din, batch, saved[i]);
  for (Saved& each : saved) accumulate(each);
  parameters.end_step();

  for (const Parameter& each : parameters.all())
    gradients.push_back(
        {each.name, each.gradient.defined() ? each.gradient : at::zeros_like(each.value)});
  std::vector<NamedTensor> got;
  for (const Slot& each : all.all())
    got.push_back({each.id, at::zeros(each.shape, at::TensorOptions(at::kDouble))});
  fill(all, ArenaSource(gradients), parameters.dialect(), canonical(all), {}, got);
  got.insert(got.begin(), {{"out", out}, {"din", din}});
  std::ofstream text(folder / "got.txt"), bytes(folder / "got.bin", std::ios::binary);
  for (const NamedTensor& each : got) {
    if (each.name != "out" && each.name != "din" && !by_name.contains(each.name)) continue;
    text << each.name << "\n";
    const Tensor dense = each.tensor.contiguous();
    bytes.write(static_cast<const char*>(dense.const_data_ptr()),
                static_cast<std::streamsize>(dense.nbytes()));
  }
  return 0;
}

}  // namespace
}  // namespace bascule

int main(int count, char** arguments) {
  return bascule::program_main("engine_block", count, arguments, bascule::run);
}
