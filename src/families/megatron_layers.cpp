#include "families/megatron_layers.h"

#include <algorithm>

#include "base/check.h"

namespace bascule {
namespace {

/// Takes the first value that is found, and insists that the others equal it.
template <class T>
void same(std::optional<T>& kept, const T& found, size_t layer) {
  if (!kept) kept = found;
  require(*kept == found, Kind::unsupported,
          "Megatron's run_config.yaml cannot say that layer {} has other sizes than the layers "
          "before it",
          layer);
}

}  // namespace

bool MegatronLayers::any_sparse() const {
  return std::find(is_sparse.begin(), is_sparse.end(), true) != is_sparse.end();
}

bool MegatronLayers::any_dense() const {
  return std::find(is_sparse.begin(), is_sparse.end(), false) != is_sparse.end();
}

MegatronLayers gathered(const Arch& arch) {
  require(!arch.hybrid && !arch.mtp && !arch.vision && !arch.layers.empty(), Kind::unsupported,
          "run_config.yaml of this kind of model is not supported yet");
  MegatronLayers layers;
  std::optional<Gqa> attention;
  std::optional<Mlp> dense;
  std::optional<Moe> sparse;
  for (size_t i = 0; i < arch.layers.size(); ++i) {
    const Layer& layer = arch.layers[i];
    const Gqa* gqa = std::get_if<Gqa>(&layer.mixer);
    const Mlp* mlp = std::get_if<Mlp>(&layer.feed_forward);
    const Moe* moe = std::get_if<Moe>(&layer.feed_forward);
    require(gqa && (mlp || moe), Kind::unsupported,
            "run_config.yaml of models whose layer {} is not grouped-query attention and a "
            "feed-forward is not supported yet",
            i);
    Gqa plain = *gqa;
    plain.window.reset();
    plain.rope = true;
    same(attention, plain, i);
    if (mlp) same(dense, *mlp, i);
    if (moe) same(sparse, *moe, i);
    layers.rotates.push_back(gqa->rope);
    layers.is_sparse.push_back(moe != nullptr);
  }
  layers.windows = windows_of(arch);
  layers.attention = attention.value_or(Gqa{});
  layers.dense = dense.value_or(Mlp{});
  layers.sparse = sparse.value_or(Moe{});
  return layers;
}

void spread(const MegatronLayers& layers, Arch& arch) {
  arch.layers.assign(layers.is_sparse.size(), Layer{});
  for (size_t i = 0; i < arch.layers.size(); ++i) {
    Gqa attention = layers.attention;
    attention.rope = layers.rotates[i];
    if (layers.windows.slides[i]) attention.window = layers.windows.size;
    arch.layers[i].mixer = attention;
    if (layers.is_sparse[i]) {
      arch.layers[i].feed_forward = layers.sparse;
    } else {
      arch.layers[i].feed_forward = layers.dense;
    }
  }
}

}  // namespace bascule
