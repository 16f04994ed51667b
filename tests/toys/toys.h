// Small models and random tensors for tests.
#pragma once

#include <cstdint>
#include <random>

#include "convert/plan.h"
#include "model/megatron.h"
#include "store/memory_source.h"

namespace bascule::toys {

inline Arch dense(int64_t layers = 4) {
  Arch arch;
  arch.vocab = 24;
  arch.hidden = 16;
  arch.layers.assign(static_cast<size_t>(layers),
                     {Gqa{.heads = 4, .kv_heads = 2, .head_dim = 4}, Mlp{.width = 12}});
  return arch;
}

inline Arch mixture(int64_t layers = 4) {
  Arch arch = dense(layers);
  for (Layer& layer : arch.layers)
    layer.feed_forward = Moe{.experts = 4, .top_k = 2, .width = 8, .shared_width = 8};
  return arch;
}

/// One random value for each element of what a dialect stores.
inline MemorySource random_source(const Slots& slots, const Dialect& dialect, uint32_t seed) {
  MemorySource source;
  std::mt19937 random(seed);
  for (const Binding& row : dialect.bindings) {
    const Shape shape = row.layout.pack(slots).shape;
    std::vector<std::byte> data(static_cast<size_t>(elements(shape)) * 4);
    for (std::byte& byte : data) byte = static_cast<std::byte>(random());
    source.add({row.name, DType::u32, shape}, std::move(data));
  }
  return source;
}

}  // namespace bascule::toys
