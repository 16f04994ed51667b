// A tree of settings: what a JSON or YAML file says, as a value, in the order it says it.
// Values: copy, compare and share freely between threads.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bascule {

class Tree {
 public:
  enum class Type { null, boolean, integer, real, string, list, map };
  struct Entry;
  using List = std::vector<Tree>;
  using Map = std::vector<Entry>;  // in the order of insertion, keys once each

  // NOLINTBEGIN(google-explicit-constructor): literals are trees
  Tree();
  Tree(std::nullptr_t);
  Tree(bool value);
  Tree(int value);
  Tree(int64_t value);
  Tree(double value);
  Tree(const char* value);
  Tree(std::string value);
  Tree(List value);
  // NOLINTEND(google-explicit-constructor)
  static Tree list(std::initializer_list<Tree> values = {});
  /// Throws Error{internal} when a key is given twice.
  static Tree map(std::initializer_list<Entry> entries = {});

  Type type() const { return static_cast<Type>(value_.index()); }
  bool is_null() const { return type() == Type::null; }
  bool is_list() const { return type() == Type::list; }
  bool is_map() const { return type() == Type::map; }

  // What the value is; Error{format}, naming both types, when it is of another type.
  bool boolean() const;
  int64_t integer() const;
  double real() const;  // integers, too
  const std::string& string() const;
  const List& list_items() const;
  List& list_items();
  const Map& entries() const;

  /// The value of a key; null when this is no map or lacks it.
  const Tree* find(std::string_view key) const;
  Tree* find(std::string_view key);
  /// The value at a dotted path ("model.num_layers"); null where a step is missing.
  const Tree* at(std::string_view path) const;
  /// Gives a key of a map a value, at the end when it is new.
  Tree& set(std::string_view key, Tree value);
  /// Appends an entry whose key the caller knows to be new.
  void append(std::string key, Tree value);
  /// True when the key was there.
  bool erase(std::string_view key);
  /// Appends to a list.
  void push_back(Tree value);
  /// Sorts the keys of this map and of all below, as Python's sort_keys does.
  Tree sorted() const;

  /// Exact: an integer never equals a real number, maps are compared in order.
  bool operator==(const Tree& other) const;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Map> value_;
};

struct Tree::Entry {
  std::string key;
  Tree value;
  bool operator==(const Entry&) const = default;
};

/// "an integer", "a map", ... for messages.
std::string_view describe(Tree::Type type);
/// The value in one line of JSON, cut to about `limit` characters: for messages.
std::string brief(const Tree& tree, size_t limit = 60);

/// Reads strict JSON (RFC 8259). Throws Error{format}, naming `file`, line and column, on anything
/// else: duplicate keys, NaN, more than 64 levels, more than a million values, more than
/// `most_bytes`.
Tree parse_json(std::string_view text, const std::string& file,
                size_t most_bytes = size_t{4} << 20);

struct JsonStyle {
  int indent = 2;  // below 0: one line
  bool sorted_keys = false;
};
/// Writes JSON as Python's json.dumps(ensure_ascii=False) does, and transformers with it; no line
/// end follows. Throws Error{internal} on numbers that JSON lacks.
std::string to_json(const Tree& tree, const JsonStyle& style = {});

/// Reads one YAML document as PyYAML's safe_load does (1e-5 is a number, though, and dates stay
/// strings). Throws Error{format} on other tags, merge keys, duplicate keys, more than 64 levels,
/// more than 1 MiB, or aliases that expand to more than a million values.
Tree parse_yaml(std::string_view text, const std::string& file);

/// Where a key stands.
struct KeyLine {
  std::string path;  // dotted, as Tree::at takes it
  int64_t line = 0;  // from 1
};
/// The same, and where the keys of maps stand that are in no list, in the file's order.
Tree parse_yaml(std::string_view text, const std::string& file, std::vector<KeyLine>& lines);

/// Writes block-style YAML as PyYAML's safe_dump(sort_keys=True) does, so that it reads back as
/// the same values there and here; ends with a line end.
std::string to_yaml(const Tree& tree);

/// A number as Python's repr spells it: "1e-05", "10000.0", "inf".
std::string python_repr(double value);

}  // namespace bascule
