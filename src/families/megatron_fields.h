// The parts of megatron_config, one subject each. Each serves both directions.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "families/megatron_config.h"
#include "families/megatron_layers.h"

namespace bascule {

/// Positions: their kind, frequencies, and how these are stretched.
void rope_fields(ConfigIo& io, const Provider& provider, Rope& rope, MegatronLayers& layers);

/// Windows, and which layers have one.
void window_fields(ConfigIo& io, const Provider& provider, WindowCount count,
                   MegatronLayers& layers);

/// Experts, and which layers have them. `arch` has as many layers as the model.
void expert_fields(ConfigIo& io, const Arch& arch, MegatronLayers& layers);

/// A list with a number for each layer, 1 for true. Throws Error{format} on another length.
void flags(ConfigIo& io, std::string_view key, std::vector<bool>& by_layer);

/// A number as someone would have written it, if `same` says that it means the same: 20 for
/// 19.999999999999996.
double simplest(double value, const std::function<bool(double)>& same);

/// Gemma 3: the lengths of runs of layers with a window, each before one layer without.
std::optional<int64_t> windows_between_full(const Windows& windows);
/// Gemma 2: whether layers 0, 2, 4, ... have a window and no others.
bool windows_on_even(const Windows& windows);

}  // namespace bascule
