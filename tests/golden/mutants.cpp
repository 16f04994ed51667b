#include "golden/mutants.h"

#include <algorithm>
#include <utility>

namespace bascule {
namespace {

using Change = std::function<bool(Dialect&, Dialect&, Arch&)>;
using RowChange = std::function<bool(Binding&)>;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Applies a change to every Megatron row whose name contains `part`.
Change rows(const std::string& part, const RowChange& change) {
  return [=](Dialect& megatron, Dialect&, Arch&) {
    bool changed = false;
    for (Binding& row : megatron.bindings)
      if (contains(row.name, part)) changed |= change(row);
    return changed;
  };
}

/// The first node, depth first, that is `wanted`.
Layout* first(Layout& layout, const std::function<bool(Layout&)>& wanted) {
  if (wanted(layout)) return &layout;
  for (Layout& part : layout.parts())
    if (Layout* found = first(part, wanted)) return found;
  return nullptr;
}

bool is_packing(Layout& layout) {
  return layout.kind() == Layout::Node::interleave && layout.parts().size() > 1;
}

RowChange parts_swapped(size_t a, size_t b) {
  return [=](Binding& row) {
    Layout* node = first(row.layout, is_packing);
    if (!node || node->parts().size() <= std::max(a, b)) return false;
    std::swap(node->parts()[a], node->parts()[b]);
    return true;
  };
}

RowChange regrouped(const std::function<int64_t(int64_t)>& groups) {
  return [=](Binding& row) {
    Layout* node = first(row.layout, is_packing);
    if (!node || groups(node->number()) == node->number()) return false;
    node->set_number(groups(node->number()));
    return true;
  };
}

/// Turns the leaf that ends so.
RowChange leaf_turned(const std::string& end) {
  return [=](Binding& row) {
    Layout* leaf = first(row.layout, [&](Layout& layout) {
      return layout.kind() == Layout::Node::leaf && layout.name().ends_with(end);
    });
    if (!leaf) return false;
    *leaf = turned(*leaf);
    return true;
  };
}

/// Exchanges the names of two Hugging Face tensors: one layer or expert is taken for another.
Change exchanged(const std::string& a, const std::string& b, const std::string& end) {
  return [=](Dialect&, Dialect& hf, Arch&) {
    const auto named = [&](const std::string& part) {
      return std::find_if(hf.bindings.begin(), hf.bindings.end(), [&](const Binding& row) {
        return contains(row.name, part) && row.name.ends_with(end);
      });
    };
    const auto first_row = named(a), second_row = named(b);
    if (first_row == hf.bindings.end() || second_row == hf.bindings.end()) return false;
    std::swap(first_row->name, second_row->name);
    return true;
  };
}

}  // namespace

const std::vector<Mutant>& mutants() {
  static const std::vector<Mutant> all = {
      {"keys and values swapped", rows("linear_qkv.weight", parts_swapped(1, 2))},
      {"queries after keys", rows("linear_qkv.weight", parts_swapped(0, 1))},
      {"values before queries", rows("linear_qkv.weight", parts_swapped(0, 2))},
      {"queries, keys and values fused, not grouped",
       rows("linear_qkv.weight", regrouped([](int64_t) { return 1; }))},
      {"twice as many groups of heads",
       rows("linear_qkv.weight", regrouped([](int64_t groups) { return groups * 2; }))},
      {"gate and up swapped", rows("linear_fc1.weight", parts_swapped(0, 1))},
      {"gate and up interleaved in two groups",
       rows("linear_fc1.weight", regrouped([](int64_t groups) { return groups * 2; }))},
      {"two layers exchanged", exchanged("layers.0.", "layers.1.", "o_proj.weight")},
      {"two layers' norms exchanged",
       exchanged("layers.0.", "layers.1.", "input_layernorm.weight")},
      {"a layer's norms exchanged",
       exchanged("layers.0.input_layernorm", "layers.0.post_attention_layernorm", "weight")},
      {"two experts exchanged",
       exchanged("layers.0.mlp.experts.0.", "layers.0.mlp.experts.1.", "down_proj.weight")},
      {"gate and up of one layer exchanged", exchanged("gate_proj", "up_proj", "weight")},
      {"the output projection turned", rows("linear_proj.weight", leaf_turned("attn.o"))},
      {"the second MLP matrix turned", rows("linear_fc2.weight", leaf_turned("down"))},
      {"the embedding padded", rows("word_embeddings",
                                    [](Binding& row) {
                                      row.layout = pad_rows(128, row.layout);
                                      return true;
                                    })},
      {"the final norm under another name", rows("decoder.final_layernorm",
                                                 [](Binding& row) {
                                                   row.name = "decoder.final_norm.weight";
                                                   return true;
                                                 })},
      {"the norm's offset forgotten",
       [](Dialect&, Dialect&, Arch& arch) { return std::exchange(arch.norm.zero_centred, false); }},
      {"gains taken for offsets from 1",
       [](Dialect&, Dialect&, Arch& arch) { return !std::exchange(arch.norm.zero_centred, true); }},
  };
  return all;
}

}  // namespace bascule
