#include "settings/tree.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace bascule {
namespace {

[[noreturn]] void wrong(const Tree& tree, Tree::Type wanted) {
  fail(Kind::format, "{} where {} is needed: {}", describe(tree.type()), describe(wanted),
       brief(tree));
}

}  // namespace

Tree::Tree() = default;
Tree::Tree(std::nullptr_t) {}
Tree::Tree(bool value) : value_(value) {}
Tree::Tree(int value) : value_(int64_t{value}) {}
Tree::Tree(int64_t value) : value_(value) {}
Tree::Tree(double value) : value_(value) {}
Tree::Tree(const char* value) : value_(std::string(value)) {}
Tree::Tree(std::string value) : value_(std::move(value)) {}
Tree::Tree(List value) : value_(std::move(value)) {}

Tree Tree::list(std::initializer_list<Tree> values) { return Tree(List(values)); }

Tree Tree::map(std::initializer_list<Entry> entries) {
  Tree tree;
  tree.value_ = Map();
  for (const Entry& entry : entries) {
    require(!tree.find(entry.key), Kind::internal, "key {} is given twice", entry.key);
    tree.append(entry.key, entry.value);
  }
  return tree;
}

bool Tree::boolean() const {
  if (type() != Type::boolean) wrong(*this, Type::boolean);
  return std::get<bool>(value_);
}

int64_t Tree::integer() const {
  if (type() != Type::integer) wrong(*this, Type::integer);
  return std::get<int64_t>(value_);
}

double Tree::real() const {
  if (type() == Type::integer) return static_cast<double>(std::get<int64_t>(value_));
  if (type() != Type::real) wrong(*this, Type::real);
  return std::get<double>(value_);
}

const std::string& Tree::string() const {
  if (type() != Type::string) wrong(*this, Type::string);
  return std::get<std::string>(value_);
}

const Tree::List& Tree::list_items() const {
  if (type() != Type::list) wrong(*this, Type::list);
  return std::get<List>(value_);
}

Tree::List& Tree::list_items() {
  if (type() != Type::list) wrong(*this, Type::list);
  return std::get<List>(value_);
}

const Tree::Map& Tree::entries() const {
  if (type() != Type::map) wrong(*this, Type::map);
  return std::get<Map>(value_);
}

const Tree* Tree::find(std::string_view key) const {
  if (!is_map()) return nullptr;
  for (const Entry& entry : std::get<Map>(value_))
    if (entry.key == key) return &entry.value;
  return nullptr;
}

Tree* Tree::find(std::string_view key) { return const_cast<Tree*>(std::as_const(*this).find(key)); }

const Tree* Tree::at(std::string_view path) const {
  const Tree* here = this;
  while (here) {
    const size_t dot = path.find('.');
    here = here->find(path.substr(0, dot));
    if (dot == std::string_view::npos) return here;
    path.remove_prefix(dot + 1);
  }
  return nullptr;
}

Tree& Tree::set(std::string_view key, Tree value) {
  if (Tree* found = find(key)) return *found = std::move(value);
  append(std::string(key), std::move(value));
  return std::get<Map>(value_).back().value;
}

void Tree::append(std::string key, Tree value) {
  if (!is_map()) wrong(*this, Type::map);
  std::get<Map>(value_).push_back({std::move(key), std::move(value)});
}

bool Tree::erase(std::string_view key) {
  if (!is_map()) return false;
  return std::erase_if(std::get<Map>(value_), [&](const Entry& e) { return e.key == key; }) > 0;
}

void Tree::push_back(Tree value) { list_items().push_back(std::move(value)); }

Tree Tree::sorted() const {
  Tree copy = *this;
  if (is_list())
    for (Tree& item : std::get<List>(copy.value_)) item = item.sorted();
  if (is_map()) {
    Map& map = std::get<Map>(copy.value_);
    for (Entry& entry : map) entry.value = entry.value.sorted();
    std::sort(map.begin(), map.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
  }
  return copy;
}

bool Tree::operator==(const Tree& other) const { return value_ == other.value_; }

std::string_view describe(Tree::Type type) {
  switch (type) {
    case Tree::Type::null:
      return "null";
    case Tree::Type::boolean:
      return "a boolean";
    case Tree::Type::integer:
      return "an integer";
    case Tree::Type::real:
      return "a number";
    case Tree::Type::string:
      return "a string";
    case Tree::Type::list:
      return "a list";
    case Tree::Type::map:
      return "a map";
  }
  return "nothing";
}

std::string python_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace bascule
