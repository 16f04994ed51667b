#include "recipe/field.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace bascule {
namespace {

// Beyond this a double does not tell whole numbers apart.
constexpr double kMostWhole = 9007199254740992.0;

std::string number(double value) {
  return value == std::trunc(value) ? fmt::format("{:.0f}", value) : fmt::format("{}", value);
}

std::string range_text(const Range& range) {
  if (range.least && range.most)
    return fmt::format(" from {} to {}", number(*range.least), number(*range.most));
  if (range.least) return (range.above ? " above " : " of at least ") + number(*range.least);
  if (range.most) return fmt::format(" of at most {}", number(*range.most));
  return "";
}

Tree number_schema(const char* type, const Range& range) {
  const auto exact = [](double value) {
    return value == std::trunc(value) && std::abs(value) <= kMostWhole
               ? Tree(static_cast<int64_t>(value))
               : Tree(value);
  };
  Tree schema = Tree::map({{"type", type}});
  if (range.least) schema.set(range.above ? "exclusiveMinimum" : "minimum", exact(*range.least));
  if (range.most) schema.set("maximum", exact(*range.most));
  return schema;
}

bool within(double value, const Range& range) {
  if (!std::isfinite(value)) return false;
  if (range.least && (range.above ? value <= *range.least : value < *range.least)) return false;
  return !range.most || value <= *range.most;
}

}  // namespace

std::string_view Field::group() const {
  const size_t dot = path.find('.');
  return dot == std::string::npos ? "" : std::string_view(path).substr(0, dot);
}

std::string_view Field::name() const {
  const size_t dot = path.find('.');
  return dot == std::string::npos ? path : std::string_view(path).substr(dot + 1);
}

std::string SettingType<bool>::text(const Range&) { return "true or false"; }
Tree SettingType<bool>::schema(const Range&) { return Tree::map({{"type", "boolean"}}); }
std::optional<bool> SettingType<bool>::from(const Tree& tree, const Range&) {
  if (tree.type() != Tree::Type::boolean) return std::nullopt;
  return tree.boolean();
}

std::string SettingType<int64_t>::text(const Range& range) {
  return "an integer" + range_text(range);
}
Tree SettingType<int64_t>::schema(const Range& range) { return number_schema("integer", range); }
std::optional<int64_t> SettingType<int64_t>::from(const Tree& tree, const Range& range) {
  int64_t value = 0;
  if (tree.type() == Tree::Type::integer) {
    value = tree.integer();
  } else if (tree.type() == Tree::Type::real && tree.real() == std::trunc(tree.real()) &&
             std::abs(tree.real()) <= kMostWhole) {
    value = static_cast<int64_t>(tree.real());
  } else {
    return std::nullopt;
  }
  if (!within(static_cast<double>(value), range)) return std::nullopt;
  return value;
}

std::string SettingType<double>::text(const Range& range) { return "a number" + range_text(range); }
Tree SettingType<double>::schema(const Range& range) { return number_schema("number", range); }
std::optional<double> SettingType<double>::from(const Tree& tree, const Range& range) {
  if (tree.type() != Tree::Type::integer && tree.type() != Tree::Type::real) return std::nullopt;
  if (!within(tree.real(), range)) return std::nullopt;
  return tree.real();
}

std::string SettingType<std::string>::text(const Range&) { return "a text"; }
Tree SettingType<std::string>::schema(const Range&) { return Tree::map({{"type", "string"}}); }
std::optional<std::string> SettingType<std::string>::from(const Tree& tree, const Range&) {
  if (tree.type() == Tree::Type::integer) return std::to_string(tree.integer());
  if (tree.type() != Tree::Type::string) return std::nullopt;
  return tree.string();
}

std::string SettingType<Texts>::text(const Range&) { return "a map of texts"; }
Tree SettingType<Texts>::schema(const Range& range) {
  return Tree::map(
      {{"type", "object"}, {"additionalProperties", SettingType<std::string>::schema(range)}});
}
std::optional<Texts> SettingType<Texts>::from(const Tree& tree, const Range& range) {
  if (!tree.is_map()) return std::nullopt;
  Texts values;
  for (const Tree::Entry& entry : tree.entries()) {
    const auto value = SettingType<std::string>::from(entry.value, range);
    if (!value) return std::nullopt;
    values[entry.key] = *value;
  }
  return values;
}
Tree SettingType<Texts>::to(const Texts& values) {
  Tree map = Tree::map();
  for (const auto& [name, value] : values) map.set(name, value);
  return map;
}

std::string text_of_choices(const std::vector<std::string_view>& names) {
  return names.size() == 1 ? std::string(names[0])
                           : fmt::format("one of {}", fmt::join(names, ", "));
}
Tree schema_of_choices(const std::vector<std::string_view>& names) {
  Tree list = Tree::list();
  for (const std::string_view name : names) list.push_back(std::string(name));
  return Tree::map({{"enum", std::move(list)}});
}

}  // namespace bascule
