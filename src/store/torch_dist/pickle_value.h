// A pickled value as data: nothing in it can be called.
//
// Values are cheap to copy (they share one arena) and immutable, so they may be used from several
// threads. Graphs are free of cycles and at most kMaxHeight deep, so recursion over a Value ends.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bascule::pickle {

class Arena;
struct Node;

enum class Type : uint8_t {
  none,
  boolean,
  integer,      // fits in int64
  big_integer,  // longer; bytes() gives it little-endian, two's complement
  number,       // a double
  string,       // UTF-8 in general; not checked
  bytes,        // bytes or bytearray
  tuple,
  list,
  set,  // set or frozenset
  dict,
  global,      // the name of a class or function
  object,      // what a global would have made of arguments, state and items
  persistent,  // a reference that the file's owner gives a meaning: torch's storages
};

/// Returns the word that names `type` in messages.
std::string_view name(Type type);

class Value {
 public:
  /// Nodes above a leaf, at most: deeper ones are refused.
  static constexpr int kMaxHeight = 200;

  Value() = default;  // None
  Value(bool value);
  Value(double value);
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) Value(Integer value)
      : Value(from_integer(static_cast<int64_t>(value))) {}
  Value(std::string_view text);
  Value(const char* text) : Value(std::string_view(text)) {}
  Value(const std::string& text) : Value(std::string_view(text)) {}
  static Value bytes(std::string_view data);
  static Value tuple(const std::vector<Value>& members);
  static Value list(const std::vector<Value>& members);
  static Value dict(const std::vector<std::pair<Value, Value>>& pairs);
  static Value global(std::string_view module, std::string_view name);
  /// callable(*args).
  static Value reduced(const Value& callable, const Value& args);
  /// cls.__new__(cls, *args), its state then set to `state` unless that is None.
  static Value object(const Value& cls, const Value& args, const Value& state);
  static Value persistent(const Value& id);

  Type type() const;
  bool is_none() const { return type() == Type::none; }

  // Each of these throws Error{format} naming both types when the value is of another type.
  bool boolean() const;
  int64_t integer() const;
  double number() const;  ///< also takes an integer
  std::string_view string() const;
  std::string_view bytes() const;  ///< also takes a big_integer

  /// Members of a tuple, list or set; pairs of a dict.
  size_t size() const;
  /// Member of a tuple, list or set; throws Error{format} past the end.
  Value at(size_t index) const;
  Value key(size_t index) const;
  Value value(size_t index) const;
  /// The value of a string key in a dict (the last one, should it occur twice); linear.
  std::optional<Value> find(std::string_view key) const;
  /// The same, but throws Error{format} naming the key when there is none.
  Value operator[](std::string_view key) const;

  /// Module and name of a global, or of the global that an object was made by ("" for neither).
  std::string_view module() const;
  std::string_view name() const;
  bool is(std::string_view module, std::string_view name) const {
    return this->module() == module && this->name() == name;
  }

  // Parts of an object.
  Value callable() const;    ///< what was called: a global, or another value
  bool made_by_new() const;  ///< cls.__new__(cls, *args) rather than callable(*args)
  Value args() const;        ///< a tuple; NEWOBJ_EX's keywords are its last member, a dict
  Value state() const;       ///< what BUILD set, None if nothing
  Value items() const;  ///< dict of what SETITEMS added, or list of what APPENDS added, or None
  /// The id of a persistent reference.
  Value id() const;

  bool operator==(const Value& other) const;

 private:
  friend class Arena;
  Value(std::shared_ptr<const Arena> arena, uint64_t word)
      : arena_(std::move(arena)), word_(word) {}
  static Value from_integer(int64_t value);
  const Node* node() const;
  const Node& expect(Type type) const;
  Value wrap(uint64_t word) const;

  std::shared_ptr<const Arena> arena_;
  uint64_t word_ = 0;  // a constant, a small integer or a Node (pickle_arena.h)
};

}  // namespace bascule::pickle
