// How a format spells a model: which stored tensors there are, and what each holds.
//
// Dialects are written as tables with {L} for a layer and {E} for an expert, combined by +, put
// under prefixes, and expanded for one model. Values.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "model/layout.h"

namespace bascule {

/// How values are encoded where a format does not store them plainly. The binding's tensor is then
/// a virtual one, made of several stored tensors whose names start with its own.
enum class Codec {
  plain,
  fp8_block128,  // NAME in F8_E4M3 and NAME_scale_inv, one scale for 128 x 128 values
  mxfp4,         // NAME_blocks and NAME_scales, one exponent for 32 values of the last dimension
};

/// One stored tensor and what it holds. Where the name ends neither in "weight" nor in "bias" it
/// names a module: its weight, and its bias where the model has one.
struct Binding {
  std::string name;
  Layout layout;
  bool exact = false;        // the name is a tensor's, whatever it ends in
  bool extra_state = false;  // Megatron's Transformer Engine modules also write an object
  Codec codec = Codec::plain;
};

/// A tensor that repeats another. Where a file has both, they must be bitwise equal.
struct Alias {
  std::string name, of;
};

struct Dialect {
  std::vector<Binding> bindings;
  std::vector<Alias> aliases;
  std::vector<std::string> ignored;  // patterns of names that carry nothing of the model

  Dialect() = default;
  Dialect(std::initializer_list<Binding> rows) : bindings(rows) {}

  Dialect&& alias(std::string name, std::string of) &&;
  Dialect&& ignore(std::string pattern) &&;
  const Binding* find(const std::string& name) const;
  /// True when `name` matches an ignored pattern (* stands for any text, {L} for digits).
  bool ignores(const std::string& name) const;
};

Dialect operator+(Dialect a, const Dialect& b);

/// A row whose name is a tensor's.
Binding exact(std::string name, Layout layout);
/// A row for a Transformer Engine module, which also writes `_extra_state`.
Binding module_with_state(std::string name, Layout layout);
Binding encoded(Codec codec, std::string name, Layout layout);

/// The same tensors under a prefix: a language model inside a vision-language one.
Dialect under(const std::string& prefix, Dialect dialect);
/// One layer's rows for every layer: slots sit under `slots`, tensors under `prefix`.
Dialect layers(const std::string& prefix, Dialect dialect,
               const std::string& slots = "layers.{L}.");
/// The same, where a format keeps all layers in one tensor.
Dialect stacked_layers(const std::string& prefix, int64_t count, Dialect dialect);

/// How far {L} and {E} count.
struct Indices {
  int64_t layers = 0, experts = 0;
};
Indices indices_of(const Arch& arch);

/// Spells {L} and {E} out, drops rows whose slots the model lacks, and checks that every slot is
/// bound exactly once; throws Error{internal} naming the slot otherwise.
Dialect expanded(const Dialect& dialect, const Slots& slots, Indices indices);
/// The same for what one of several ranks holds: slots may be bound elsewhere, or twice here.
Dialect expanded_part(const Dialect& dialect, const Slots& slots, Indices indices);

}  // namespace bascule
