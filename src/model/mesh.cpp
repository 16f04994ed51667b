#include "model/mesh.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "base/check.h"

namespace bascule {
namespace {

/// A number of the model, and the ranks among which an option divides it.
struct Divided {
  const char* option;
  int64_t ranks;
  const char* what;
  int64_t number;
};

std::vector<Divided> divided_by(const Mesh& mesh, const Arch& arch) {
  std::vector<Divided> all = {{mesh.vpp > 1 ? "--pp times --vpp" : "--pp", mesh.pp * mesh.vpp,
                               "the number of layers", static_cast<int64_t>(arch.layers.size())}};
  const auto tp = [&](const char* what, int64_t number) {
    all.push_back({"--tp", mesh.tp, what, number});
  };
  std::vector<Layer> layers = arch.layers;
  if (arch.mtp) layers.insert(layers.end(), arch.mtp->layers.begin(), arch.mtp->layers.end());
  for (const Layer& layer : layers) {
    if (const Gqa* gqa = std::get_if<Gqa>(&layer.mixer))
      tp("the number of attention heads", gqa->heads);
    if (const Mla* mla = std::get_if<Mla>(&layer.mixer))
      tp("the number of attention heads", mla->heads);
    if (const Mamba2* mamba = std::get_if<Mamba2>(&layer.mixer)) {
      tp("the number of Mamba heads", mamba->heads);
      tp("the number of Mamba groups", mamba->groups);
    }
    if (const GatedDeltaNet* gdn = std::get_if<GatedDeltaNet>(&layer.mixer)) {
      tp("the number of key heads", gdn->key_heads);
      tp("the number of value heads", gdn->value_heads);
    }
    if (const Moe* moe = std::get_if<Moe>(&layer.feed_forward)) {
      all.push_back({"--ep", mesh.ep, "the number of experts", moe->experts});
      all.push_back(
          {mesh.etp ? "--etp" : "--tp", mesh.expert_tp(), "the experts' width", moe->width});
      tp("the shared experts' width", moe->shared_width);
    }
    if (const Mlp* mlp = std::get_if<Mlp>(&layer.feed_forward)) tp("the MLP's width", mlp->width);
  }
  return all;
}

/// The values of an option that divide all that it must, the first few if they are many.
std::string values_of(std::string_view option, const std::vector<Divided>& all) {
  constexpr size_t kMost = 16;
  constexpr int64_t kMostRanks = 4096;
  int64_t common = 0;
  for (const Divided& each : all)
    if (each.option == option) common = std::gcd(common, each.number);
  std::vector<std::string> values;
  for (int64_t value = 1; value <= std::min(common, kMostRanks) && values.size() <= kMost; ++value)
    if (common % value == 0) values.push_back(std::to_string(value));
  if (values.size() > kMost) values.back() = "...";
  return fmt::format("{}", fmt::join(values, ", "));
}

}  // namespace

int64_t Mesh::world() const { return pp * std::lcm(tp * cp, expert_tp() * ep); }

MeshPlace place(const Mesh& mesh, int64_t rank) {
  require(mesh.pp >= 1 && mesh.tp >= 1 && mesh.ep >= 1 && mesh.expert_tp() >= 1, Kind::user,
          "a parallel size must be at least 1");
  const int64_t stage = std::max<int64_t>(1, mesh.world() / mesh.pp), within = rank % stage;
  const int64_t etp = mesh.expert_tp();
  return {.shards = {.tensor = {within % mesh.tp, mesh.tp}, .expert = {within % etp, etp}},
          .pp_rank = rank / stage,
          .ep_rank = within / etp % mesh.ep};
}

std::vector<KeptLayer> kept_layers(int64_t layers, const Mesh& mesh, int64_t pp_rank) {
  require(layers % (mesh.pp * mesh.vpp) == 0, Kind::unsupported,
          "{} layers do not divide by {} pipeline stages", layers, mesh.pp * mesh.vpp);
  const int64_t share = layers / (mesh.pp * mesh.vpp);
  std::vector<KeptLayer> kept;
  for (int64_t chunk = 0; chunk < mesh.vpp; ++chunk)
    for (int64_t i = 0; i < share; ++i)
      kept.push_back({(chunk * mesh.pp + pp_rank) * share + i, chunk, i});
  return kept;
}

void check(const Mesh& mesh) {
  for (const int64_t size : {mesh.tp, mesh.pp, mesh.vpp, mesh.cp, mesh.ep, mesh.expert_tp()})
    require(size >= 1, Kind::user, "a parallel size must be at least 1, not {}", size);
  require(mesh.vpp == 1 || mesh.pp > 1, Kind::user,
          "--vpp {} is for pipelines: give a --pp above 1, too, or leave --vpp out", mesh.vpp);
}

void check(const Mesh& mesh, const Arch& arch) {
  check(mesh);
  const std::vector<Divided> all = divided_by(mesh, arch);
  for (const Divided& each : all)
    if (each.number % each.ranks != 0)
      fail(Kind::unsupported, "{} is {}, which does not divide {}, {}; for this model it can be {}",
           each.option, each.ranks, each.what, each.number, values_of(each.option, all));
}

}  // namespace bascule
