#include "store/torch_dist/pickle_value.h"

#include <array>

#include "base/check.h"
#include "store/torch_dist/pickle_arena.h"

namespace bascule::pickle {
namespace {

// What a value built by hand may unfold to.
constexpr uint64_t kHeaviestBuilt = uint64_t{1} << 24;

constexpr std::array kNames = {
    "None",  "bool", "int", "big int", "float",  "str",    "bytes",
    "tuple", "list", "set", "dict",    "global", "object", "persistent id",
};

// Builds a value in an arena of its own.
template <class Make>
Value build(Make&& make) {
  auto arena = std::make_shared<Arena>();
  const Word root = make(*arena);
  measure(root, kHeaviestBuilt);
  return Arena::seal(std::move(arena), root);
}

std::vector<Word> adopt_all(Arena& arena, const std::vector<Value>& values) {
  std::vector<Word> words;
  words.reserve(values.size());
  for (const Value& value : values) words.push_back(arena.adopt(value));
  return words;
}

}  // namespace

std::string_view name(Type type) { return kNames[static_cast<size_t>(type)]; }

Value::Value(bool value) : word_(pickle::boolean(value)) {}

Value::Value(double value) : Value(build([&](Arena& arena) { return arena.number(value); })) {}

Value::Value(std::string_view text)
    : Value(build([&](Arena& arena) { return arena.text(Type::string, arena.keep(text)); })) {}

Value Value::from_integer(int64_t value) {
  if (fits_small(value)) return {nullptr, small(value)};
  return build([&](Arena& arena) { return arena.integer(value); });
}

Value Value::bytes(std::string_view data) {
  return build([&](Arena& arena) { return arena.text(Type::bytes, arena.keep(data)); });
}

Value Value::tuple(const std::vector<Value>& members) {
  return build([&](Arena& arena) { return arena.tuple(adopt_all(arena, members)); });
}

Value Value::list(const std::vector<Value>& members) {
  return build([&](Arena& arena) {
    auto& node = arena.make<ListNode>(Type::list);
    arena.append(node, adopt_all(arena, members));
    return word_of(node);
  });
}

Value Value::dict(const std::vector<std::pair<Value, Value>>& pairs) {
  return build([&](Arena& arena) {
    std::vector<Word> words;
    for (const auto& [key, value] : pairs) {
      words.push_back(arena.adopt(key));
      words.push_back(arena.adopt(value));
    }
    auto& node = arena.make<ListNode>(Type::dict);
    arena.append(node, words);
    return word_of(node);
  });
}

Value Value::global(std::string_view module, std::string_view name) {
  return build([&](Arena& arena) { return arena.global(arena.keep(module), arena.keep(name)); });
}

Value Value::reduced(const Value& callable, const Value& args) {
  return build([&](Arena& arena) {
    auto& node = arena.make<ObjectNode>(Type::object);
    node.callable = arena.adopt(callable);
    node.args = arena.adopt(args);
    return word_of(node);
  });
}

Value Value::object(const Value& cls, const Value& args, const Value& state) {
  return build([&](Arena& arena) {
    auto& node = arena.make<ObjectNode>(Type::object);
    node.by_new = true;
    node.callable = arena.adopt(cls);
    node.args = arena.adopt(args);
    node.state = arena.adopt(state);
    return word_of(node);
  });
}

Value Value::persistent(const Value& id) {
  return build([&](Arena& arena) {
    auto& node = arena.make<PersistentNode>(Type::persistent);
    node.id = arena.adopt(id);
    return word_of(node);
  });
}

Value Value::wrap(Word word) const { return {is_node(word) ? arena_ : nullptr, word}; }

Type Value::type() const { return type_of(word_); }

const Node* Value::node() const { return is_node(word_) ? &node_of(word_) : nullptr; }

const Node& Value::expect(Type wanted) const {
  require(type() == wanted, Kind::format, "a {} where a {} belongs", pickle::name(type()),
          pickle::name(wanted));
  return node_of(word_);
}

bool Value::boolean() const {
  require(type() == Type::boolean, Kind::format, "a {} where a bool belongs", pickle::name(type()));
  return word_ == kTrue;
}

int64_t Value::integer() const {
  if (is_small(word_)) return small_value(word_);
  return static_cast<const IntegerNode&>(expect(Type::integer)).value;
}

double Value::number() const {
  if (type() == Type::integer) return static_cast<double>(integer());
  return static_cast<const NumberNode&>(expect(Type::number)).value;
}

std::string_view Value::string() const {
  return static_cast<const TextNode&>(expect(Type::string)).view();
}

std::string_view Value::bytes() const {
  if (type() == Type::big_integer) return static_cast<const TextNode*>(node())->view();
  return static_cast<const TextNode&>(expect(Type::bytes)).view();
}

size_t Value::size() const {
  switch (type()) {
    case Type::tuple:
      return static_cast<const TupleNode*>(node())->count;
    case Type::list:
    case Type::set:
      return static_cast<const ListNode*>(node())->count;
    case Type::dict:
      return static_cast<const ListNode*>(node())->count / 2;
    default:
      fail(Kind::format, "a {} where a container belongs", pickle::name(type()));
  }
}

Value Value::at(size_t index) const {
  const size_t members = size();
  require(type() != Type::dict, Kind::format, "a dict where a tuple or list belongs");
  require(index < members, Kind::format, "a {} of {} members has no member {}",
          pickle::name(type()), members, index);
  return wrap(children(node_of(word_))[index]);
}

Value Value::key(size_t index) const {
  const auto& dict = static_cast<const ListNode&>(expect(Type::dict));
  require(index < dict.count / 2, Kind::format, "a dict of {} pairs has no pair {}", dict.count / 2,
          index);
  return wrap(dict.members[2 * index]);
}

Value Value::value(size_t index) const {
  const auto& dict = static_cast<const ListNode&>(expect(Type::dict));
  require(index < dict.count / 2, Kind::format, "a dict of {} pairs has no pair {}", dict.count / 2,
          index);
  return wrap(dict.members[2 * index + 1]);
}

std::optional<Value> Value::find(std::string_view key) const {
  const auto& dict = static_cast<const ListNode&>(expect(Type::dict));
  for (size_t at = dict.count; at != 0; at -= 2) {
    const Word word = dict.members[at - 2];
    if (type_of(word) == Type::string && static_cast<TextNode&>(node_of(word)).view() == key)
      return wrap(dict.members[at - 1]);
  }
  return {};
}

Value Value::operator[](std::string_view key) const {
  std::optional<Value> found = find(key);
  require(found.has_value(), Kind::format, "no key \"{}\" where one is needed", key);
  return *std::move(found);
}

std::string_view Value::module() const {
  if (type() == Type::global) return static_cast<const GlobalNode*>(node())->module;
  return type() == Type::object && callable().type() == Type::global ? callable().module() : "";
}

std::string_view Value::name() const {
  if (type() == Type::global) return static_cast<const GlobalNode*>(node())->name;
  return type() == Type::object && callable().type() == Type::global ? callable().name() : "";
}

Value Value::callable() const {
  return wrap(static_cast<const ObjectNode&>(expect(Type::object)).callable);
}
bool Value::made_by_new() const {
  return static_cast<const ObjectNode&>(expect(Type::object)).by_new;
}
Value Value::args() const {
  return wrap(static_cast<const ObjectNode&>(expect(Type::object)).args);
}
Value Value::state() const {
  return wrap(static_cast<const ObjectNode&>(expect(Type::object)).state);
}
Value Value::items() const {
  return wrap(static_cast<const ObjectNode&>(expect(Type::object)).items);
}
Value Value::id() const {
  return wrap(static_cast<const PersistentNode&>(expect(Type::persistent)).id);
}

bool Value::operator==(const Value& other) const {
  if (word_ == other.word_) return true;
  if (type() != other.type()) return false;
  switch (type()) {
    case Type::none:
      return true;
    case Type::boolean:
      return false;  // the words would be equal
    case Type::integer:
      return integer() == other.integer();
    case Type::number:
      return number() == other.number();
    case Type::string:
      return string() == other.string();
    case Type::bytes:
    case Type::big_integer:
      return bytes() == other.bytes();
    case Type::global:
      return module() == other.module() && name() == other.name();
    default:
      break;
  }
  if (type() == Type::object && made_by_new() != other.made_by_new()) return false;
  const std::span<Word> mine = children(node_of(word_)), theirs = children(node_of(other.word_));
  if (mine.size() != theirs.size()) return false;
  for (size_t i = 0; i < mine.size(); ++i)
    if (!(wrap(mine[i]) == other.wrap(theirs[i]))) return false;
  return true;
}

}  // namespace bascule::pickle
