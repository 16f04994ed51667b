#include "model/dialect.h"

#include <algorithm>
#include <unordered_set>

#include "base/check.h"

namespace bascule {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.starts_with("{L}")) {
    size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
    return digits > 0 && matches(pattern.substr(3), text.substr(digits));
  }
  if (pattern[0] == '*') {
    for (size_t taken = 0; taken <= text.size(); ++taken)
      if (matches(pattern.substr(1), text.substr(taken))) return true;
    return false;
  }
  return !text.empty() && pattern[0] == text[0] && matches(pattern.substr(1), text.substr(1));
}

/// Names of tensors rather than of modules end so.
bool is_tensor(const Binding& row) {
  return row.exact || row.name.ends_with("weight") || row.name.ends_with("bias");
}

Binding substituted(Binding row, const std::string& index, int64_t value) {
  row.name = replaced(row.name, "{" + index + "}", std::to_string(value));
  row.layout = row.layout.with(index, value);
  return row;
}

/// Collects rows whose slots exist.
class Expansion {
 public:
  Expansion(const Slots& slots, Indices indices)
      : slots_(slots), indices_(indices), bound_(slots.all().size()) {}

  void row(const Binding& row) {
    if (is_tensor(row)) return layers(row);
    Binding weight = row, bias = row;
    weight.name += ".weight";
    bias.name += ".bias";
    bias.layout = row.layout.renamed("", ".bias");
    bias.extra_state = false;
    layers(weight);
    layers(bias);
  }

  Dialect finish(const Dialect& dialect, bool whole) {
    for (const Slot& slot : slots_.all()) {
      const int times = bound_[slots_.index(slot)];
      require(times == 1 || !whole, Kind::internal,
              "parameter {} is bound {} times by this dialect", slot.id, times);
    }
    std::unordered_set<std::string_view> names;
    for (const Binding& row : out_.bindings)
      require(names.insert(row.name).second, Kind::internal, "tensor {} is bound twice", row.name);
    for (const Alias& alias : dialect.aliases)
      if (!names.contains(alias.name) && names.contains(alias.of)) out_.aliases.push_back(alias);
    out_.ignored = dialect.ignored;
    out_.bindings.shrink_to_fit();
    return std::move(out_);
  }

 private:
  void layers(const Binding& row) {
    if (row.name.find("{L}") == std::string::npos) return experts(row);
    for (int64_t i = 0; i < indices_.layers; ++i) experts(substituted(row, "L", i));
  }
  void experts(const Binding& row) {
    if (row.name.find("{E}") == std::string::npos) return keep(row);
    for (int64_t i = 0; i < indices_.experts; ++i) keep(substituted(row, "E", i));
  }
  void keep(Binding row) {
    const auto leaves = row.layout.leaves();
    const auto known = std::count_if(leaves.begin(), leaves.end(),
                                     [&](const std::string& leaf) { return slots_.find(leaf); });
    if (known == 0) return;
    if (known != static_cast<std::ptrdiff_t>(leaves.size())) {
      for (const std::string& leaf : leaves)
        require(slots_.find(leaf), Kind::internal, "tensor {} is half bound: the model has no {}",
                row.name, leaf);
    }
    for (const std::string& leaf : leaves) ++bound_[slots_.index(*slots_.find(leaf))];
    out_.bindings.push_back(std::move(row));
  }

  const Slots& slots_;
  Indices indices_;
  Dialect out_;
  std::vector<int> bound_;  // how often, by slot
};

}  // namespace

Dialect&& Dialect::alias(std::string name, std::string of) && {
  aliases.push_back({std::move(name), std::move(of)});
  return std::move(*this);
}

Dialect&& Dialect::ignore(std::string pattern) && {
  ignored.push_back(std::move(pattern));
  return std::move(*this);
}

const Binding* Dialect::find(const std::string& name) const {
  for (const Binding& row : bindings)
    if (row.name == name) return &row;
  return nullptr;
}

bool Dialect::ignores(const std::string& name) const {
  return std::any_of(ignored.begin(), ignored.end(),
                     [&](const std::string& pattern) { return matches(pattern, name); });
}

Dialect operator+(Dialect a, const Dialect& b) {
  a.bindings.insert(a.bindings.end(), b.bindings.begin(), b.bindings.end());
  a.aliases.insert(a.aliases.end(), b.aliases.begin(), b.aliases.end());
  a.ignored.insert(a.ignored.end(), b.ignored.begin(), b.ignored.end());
  return a;
}

Binding exact(std::string name, Layout layout) {
  return {.name = std::move(name), .layout = std::move(layout), .exact = true};
}

Binding module_with_state(std::string name, Layout layout) {
  return {.name = std::move(name), .layout = std::move(layout), .extra_state = true};
}

Binding encoded(Codec codec, std::string name, Layout layout) {
  return {.name = std::move(name), .layout = std::move(layout), .codec = codec};
}

Dialect under(const std::string& prefix, Dialect dialect) {
  for (Binding& row : dialect.bindings) row.name = prefix + row.name;
  for (Alias& alias : dialect.aliases) alias = {prefix + alias.name, prefix + alias.of};
  for (std::string& pattern : dialect.ignored) pattern = prefix + pattern;
  return dialect;
}

Dialect layers(const std::string& prefix, Dialect dialect, const std::string& slots) {
  for (Binding& row : dialect.bindings) row.layout = row.layout.renamed(slots, "");
  return under(prefix, std::move(dialect));
}

Dialect stacked_layers(const std::string& prefix, int64_t count, Dialect dialect) {
  for (Binding& row : dialect.bindings)
    row.layout = stack("L", count, row.layout.renamed("layers.{L}.", ""));
  return under(prefix, std::move(dialect));
}

Indices indices_of(const Arch& arch) {
  Indices most{static_cast<int64_t>(arch.layers.size()), 0};
  const auto count = [&](const std::vector<Layer>& layers) {
    for (const Layer& layer : layers)
      if (const Moe* moe = std::get_if<Moe>(&layer.feed_forward))
        most.experts = std::max(most.experts, moe->experts);
  };
  count(arch.layers);
  if (arch.mtp) {
    count(arch.mtp->layers);
    most.layers = std::max(most.layers, static_cast<int64_t>(arch.mtp->layers.size()));
  }
  if (arch.vision) most.layers = std::max(most.layers, arch.vision->layers);
  return most;
}

Dialect expanded(const Dialect& dialect, const Slots& slots, Indices indices) {
  Expansion expansion(slots, indices);
  for (const Binding& row : dialect.bindings) expansion.row(row);
  return expansion.finish(dialect, true);
}

Dialect expanded_part(const Dialect& dialect, const Slots& slots, Indices indices) {
  Expansion expansion(slots, indices);
  for (const Binding& row : dialect.bindings) expansion.row(row);
  return expansion.finish(dialect, false);
}

}  // namespace bascule
