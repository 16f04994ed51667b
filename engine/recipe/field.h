// A setting as data: its name, what it accepts, and how to read and write it. The structs of
// settings.h list their fields once, by a template; everything else works on this.
// Values; a Field refers to the struct that it was made from.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "settings/config_io.h"
#include "settings/tree.h"

namespace bascule {

/// What numbers are accepted.
struct Range {
  std::optional<double> least = {}, most = {};
  bool above = false;  // `least` itself is not accepted
};
inline Range at_least(double least) { return {.least = least}; }
inline Range above(double least) { return {.least = least, .above = true}; }
inline Range between(double least, double most) { return {.least = least, .most = most}; }

struct Field {
  std::string path;                      // "optimizer.lr"
  std::string help;                      // one line
  std::string accepted;                  // "a number of at least 0, or null"
  Tree schema;                           // the same as JSON schema
  Tree fallback;                         // the default
  std::function<bool(const Tree&)> set;  // false, and nothing changes, where it is not accepted
  std::function<Tree()> get;

  std::string_view group() const;  // "optimizer"; empty for the few outside of groups
  std::string_view name() const;   // "lr"
};

/// How a C++ type is a setting: `text` and `schema` say what it accepts, `from` and `to` convert.
template <class T>
struct SettingType;

template <>
struct SettingType<bool> {
  static std::string text(const Range&);
  static Tree schema(const Range&);
  static std::optional<bool> from(const Tree& tree, const Range&);
  static Tree to(bool value) { return value; }
};
/// A real number that is whole counts as an integer: 1e9.
template <>
struct SettingType<int64_t> {
  static std::string text(const Range& range);
  static Tree schema(const Range& range);
  static std::optional<int64_t> from(const Tree& tree, const Range& range);
  static Tree to(int64_t value) { return value; }
};
template <>
struct SettingType<double> {
  static std::string text(const Range& range);
  static Tree schema(const Range& range);
  static std::optional<double> from(const Tree& tree, const Range& range);
  static Tree to(double value) { return value; }
};
/// An integer counts as the text that it was.
template <>
struct SettingType<std::string> {
  static std::string text(const Range&);
  static Tree schema(const Range&);
  static std::optional<std::string> from(const Tree& tree, const Range&);
  static Tree to(std::string value) { return value; }
};

std::string text_of_choices(const std::vector<std::string_view>& names);
Tree schema_of_choices(const std::vector<std::string_view>& names);

/// An enumeration has a function `spellings(E)`, found by its type, that gives its names.
template <class E>
requires std::is_enum_v<E>
struct SettingType<E> {
  static std::vector<std::string_view> names() {
    std::vector<std::string_view> all;
    for (const Spelling<E>& spelling : spellings(E{})) all.push_back(spelling.text);
    return all;
  }
  static std::string text(const Range&) { return text_of_choices(names()); }
  static Tree schema(const Range&) { return schema_of_choices(names()); }
  static std::optional<E> from(const Tree& tree, const Range&) {
    if (tree.type() == Tree::Type::string)
      for (const Spelling<E>& spelling : spellings(E{}))
        if (spelling.text == tree.string()) return spelling.value;
    return std::nullopt;
  }
  static Tree to(E value) {
    for (const Spelling<E>& spelling : spellings(E{}))
      if (spelling.value == value) return std::string(spelling.text);
    return {};
  }
};

template <class T>
struct SettingType<std::vector<T>> {
  using Item = SettingType<T>;
  static std::string text(const Range& range) { return "a list, each " + Item::text(range); }
  static Tree schema(const Range& range) {
    return Tree::map({{"type", "array"}, {"items", Item::schema(range)}});
  }
  static std::optional<std::vector<T>> from(const Tree& tree, const Range& range) {
    if (!tree.is_list()) return std::nullopt;
    std::vector<T> values;
    for (const Tree& item : tree.list_items()) {
      std::optional<T> value = Item::from(item, range);
      if (!value) return std::nullopt;
      values.push_back(std::move(*value));
    }
    return values;
  }
  static Tree to(const std::vector<T>& values) {
    Tree list = Tree::list();
    for (const T& value : values) list.push_back(Item::to(T(value)));
    return list;
  }
};

/// Texts by name.
using Texts = std::map<std::string, std::string>;

template <>
struct SettingType<Texts> {
  static std::string text(const Range&);
  static Tree schema(const Range&);
  static std::optional<Texts> from(const Tree& tree, const Range& range);
  static Tree to(const Texts& values);
};

/// One value, or a list with one for each layer (or kind of layer).
template <class T>
using OneOrMany = std::variant<T, std::vector<T>>;

template <class T>
struct SettingType<OneOrMany<T>> {
  using One = SettingType<T>;
  using Many = SettingType<std::vector<T>>;
  static std::string text(const Range& range) {
    return One::text(range) + ", or " + Many::text(range);
  }
  static Tree schema(const Range& range) {
    return Tree::map({{"anyOf", Tree::list({One::schema(range), Many::schema(range)})}});
  }
  static std::optional<OneOrMany<T>> from(const Tree& tree, const Range& range) {
    if (std::optional<T> one = One::from(tree, range)) return OneOrMany<T>(std::move(*one));
    if (auto many = Many::from(tree, range)) return OneOrMany<T>(std::move(*many));
    return std::nullopt;
  }
  static Tree to(const OneOrMany<T>& value) {
    if (const T* one = std::get_if<T>(&value)) return One::to(*one);
    return Many::to(std::get<std::vector<T>>(value));
  }
};

/// null is none.
template <class T>
struct SettingType<std::optional<T>> {
  using Some = SettingType<T>;
  static std::string text(const Range& range) { return Some::text(range) + ", or null"; }
  static Tree schema(const Range& range) {
    return Tree::map({{"anyOf", Tree::list({Some::schema(range), Tree::map({{"type", "null"}})})}});
  }
  static std::optional<std::optional<T>> from(const Tree& tree, const Range& range) {
    if (tree.is_null()) return std::optional<T>();
    std::optional<T> value = Some::from(tree, range);
    if (!value) return std::nullopt;
    return std::optional<std::optional<T>>(std::in_place, std::move(value));
  }
  static Tree to(const std::optional<T>& value) { return value ? Some::to(*value) : Tree(); }
};

/// Makes a Field of each that a struct lists: `void fields(auto& field)` calls it with name,
/// member, help and, for numbers, their range.
class FieldCollector {
 public:
  explicit FieldCollector(std::string prefix) : prefix_(std::move(prefix)) {}

  template <class T>
  void operator()(std::string_view name, T& member, std::string_view help, Range range = {}) {
    using Type = SettingType<T>;
    Field field{.path = prefix_ + std::string(name),
                .help = std::string(help),
                .accepted = Type::text(range),
                .schema = Type::schema(range),
                .fallback = Type::to(member),
                .set = nullptr,
                .get = [&member] { return Type::to(T(member)); }};
    field.set = [&member, range](const Tree& tree) {
      std::optional<T> value = Type::from(tree, range);
      if (value) member = std::move(*value);
      return value.has_value();
    };
    found_.push_back(std::move(field));
  }

  std::vector<Field> take() { return std::move(found_); }

 private:
  std::string prefix_;
  std::vector<Field> found_;
};

}  // namespace bascule
