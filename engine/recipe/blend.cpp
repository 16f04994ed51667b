#include "recipe/blend.h"

#include <cstdlib>

namespace bascule {
namespace {

using Paths = SettingType<std::vector<std::string>>;
using Weights = SettingType<std::vector<double>>;

/// [[path, ...], [weight, ...] or null].
std::optional<Blend> pair(const Tree::List& items) {
  if (items.size() != 2 || !items[0].is_list()) return std::nullopt;
  std::optional<std::vector<std::string>> paths = Paths::from(items[0], {});
  if (!paths || paths->empty()) return std::nullopt;
  if (items[1].is_null()) return Blend{std::move(*paths), {}};
  std::optional<std::vector<double>> weights = Weights::from(items[1], above(0));
  if (!weights || weights->size() != paths->size()) return std::nullopt;
  return Blend{std::move(*paths), std::move(*weights)};
}

std::optional<double> weight(const Tree& tree) {
  if (const auto given = SettingType<double>::from(tree, above(0))) return given;
  if (tree.type() != Tree::Type::string || tree.string().empty()) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(tree.string().c_str(), &end);
  if (*end != 0 || !(value > 0)) return std::nullopt;
  return value;
}

/// path ..., or weight path weight path ...
std::optional<Blend> flat(const Tree::List& items) {
  Blend blend;
  const bool weighted = items.size() > 1 && weight(items[0]).has_value();
  if (items.empty() || (weighted && items.size() % 2 != 0)) return std::nullopt;
  for (size_t i = 0; i < items.size(); ++i) {
    if (weighted && i % 2 == 0) {
      const std::optional<double> given = weight(items[i]);
      if (!given) return std::nullopt;
      blend.weights.push_back(*given);
    } else {
      if (items[i].type() != Tree::Type::string || items[i].string().empty()) return std::nullopt;
      blend.paths.push_back(items[i].string());
    }
  }
  return blend;
}

}  // namespace

std::string SettingType<Blend>::text(const Range&) {
  return "[[path, ...], [weight above 0, ...] or null], a list of paths or of weights and paths in "
         "turn, or a path";
}

Tree SettingType<Blend>::schema(const Range&) {
  return Tree::map({{"type", Tree::list({"string", "array"})}});
}

std::optional<Blend> SettingType<Blend>::from(const Tree& tree, const Range&) {
  if (tree.type() == Tree::Type::string && !tree.string().empty())
    return Blend{{tree.string()}, {}};
  if (!tree.is_list()) return std::nullopt;
  const Tree::List& items = tree.list_items();
  return !items.empty() && items[0].is_list() ? pair(items) : flat(items);
}

Tree SettingType<Blend>::to(const Blend& blend) {
  return Tree::list(
      {Paths::to(blend.paths), blend.weights.empty() ? Tree() : Weights::to(blend.weights)});
}

}  // namespace bascule
