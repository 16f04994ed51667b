#include "model/mesh.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace bascule {
namespace {

void divides(int64_t size, int64_t by, const char* what, const char* ranks) {
  require(by >= 1 && size % by == 0, Kind::unsupported,
          "{} must divide by the {} size: {} by {}; choose a size that divides it", what, ranks,
          size, by);
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
  divides(layers, mesh.pp * mesh.vpp, "the number of layers", "pipeline (times virtual)");
  const int64_t share = layers / (mesh.pp * mesh.vpp);
  std::vector<KeptLayer> kept;
  for (int64_t chunk = 0; chunk < mesh.vpp; ++chunk)
    for (int64_t i = 0; i < share; ++i)
      kept.push_back({(chunk * mesh.pp + pp_rank) * share + i, chunk, i});
  return kept;
}

void check(const Mesh& mesh, const Arch& arch) {
  for (const int64_t size : {mesh.tp, mesh.pp, mesh.vpp, mesh.cp, mesh.ep, mesh.expert_tp()})
    require(size >= 1, Kind::user, "a parallel size must be at least 1, not {}", size);
  require(mesh.vpp == 1 || mesh.pp > 1, Kind::unsupported,
          "virtual pipeline stages ({}) need a pipeline size above 1", mesh.vpp);
  kept_layers(static_cast<int64_t>(arch.layers.size()), mesh, 0);
  std::vector<Layer> layers = arch.layers;
  if (arch.mtp) layers.insert(layers.end(), arch.mtp->layers.begin(), arch.mtp->layers.end());
  for (const Layer& layer : layers) {
    if (const Gqa* gqa = std::get_if<Gqa>(&layer.mixer))
      divides(gqa->heads, mesh.tp, "the number of attention heads", "tensor parallel");
    if (const Mla* mla = std::get_if<Mla>(&layer.mixer))
      divides(mla->heads, mesh.tp, "the number of attention heads", "tensor parallel");
    if (const Mamba2* mamba = std::get_if<Mamba2>(&layer.mixer)) {
      divides(mamba->heads, mesh.tp, "the number of Mamba heads", "tensor parallel");
      divides(mamba->groups, mesh.tp, "the number of Mamba groups", "tensor parallel");
    }
    if (const GatedDeltaNet* gdn = std::get_if<GatedDeltaNet>(&layer.mixer)) {
      divides(gdn->key_heads, mesh.tp, "the number of key heads", "tensor parallel");
      divides(gdn->value_heads, mesh.tp, "the number of value heads", "tensor parallel");
    }
    if (const Moe* moe = std::get_if<Moe>(&layer.feed_forward)) {
      divides(moe->experts, mesh.ep, "the number of experts", "expert parallel");
      divides(moe->width, mesh.expert_tp(), "the experts' width", "expert tensor parallel");
      divides(moe->shared_width, mesh.tp, "the shared experts' width", "tensor parallel");
    }
    if (const Mlp* mlp = std::get_if<Mlp>(&layer.feed_forward))
      divides(mlp->width, mesh.tp, "the MLP's width", "tensor parallel");
  }
}

}  // namespace bascule
