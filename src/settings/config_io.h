// One description of a map of settings that serves both directions: reading fills fields, writing
// fills the map.
//
//   io("vocab_size", arch.vocab);                        // required
//   io("num_key_value_heads", gqa.kv_heads, gqa.heads);  // a default where absent or null
//   io("sliding_window", gqa.window);                    // optional<>: null or absent is none
//   io.choice("hidden_act", mlp.activation, kActivations);
//   io.constant("attention_bias", false);                // must be so
//   io.section("rope_scaling", [&](ConfigIo& io) { io("factor", scaling.factor); });
//
// Not thread-safe. The tree must outlive it.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "settings/tree.h"

namespace bascule {

/// How a value of an enumeration is spelled. Of several spellings the first is written.
template <class E>
struct Spelling {
  std::string_view text;
  E value;
};

class ConfigIo {
 public:
  /// What messages call keys that the file itself calls otherwise.
  using Names = std::map<std::string, std::string, std::less<>>;
  /// Reads from `map`, throwing Error{format} unless it is one. `file` and `names` are for
  /// messages.
  static ConfigIo reader(const Tree& map, std::string file, Names names = {});
  /// Adds to `map`, replacing what has the same key.
  static ConfigIo writer(Tree& map, std::string file = "the new configuration");

  bool reading() const { return out_ == nullptr; }
  const std::string& file() const { return file_; }
  /// Where a key lies, for messages: "rope_scaling.factor".
  std::string path(std::string_view key) const;

  // Fields are bool, int64_t, double, std::string, std::vector and std::optional of these.
  // Reading throws Error{format}, naming file, key and both types, when the types differ; a double
  // takes an integer, too.

  /// A field that must be there (an optional one need not). Error{format} when it is missing.
  template <class T>
  void operator()(std::string_view key, T& field) {
    if (!reading()) return put(key, tree_of(field));
    const Tree* found = asked(key);
    if constexpr (is_optional<T>) {
      field.reset();
      if (found && !found->is_null()) read(*found, key, field.emplace());
    } else {
      if (!found || found->is_null()) missing(key);
      read(*found, key, field);
    }
  }

  /// A field with a default for when it is absent; also for null, unless the field is optional.
  template <class T>
  void operator()(std::string_view key, T& field, const std::type_identity_t<T>& fallback) {
    if (!reading()) return put(key, tree_of(field));
    const Tree* found = asked(key);
    if constexpr (is_optional<T>) {
      if (!found) {
        field = fallback;
      } else {
        (*this)(key, field);
      }
    } else {
      if (found && !found->is_null()) {
        read(*found, key, field);
      } else {
        field = T(fallback);  // a copy: the default may be the field itself
      }
    }
  }

  /// A field whose values have names. Error{unsupported}, naming the known ones, on another.
  template <class E, size_t N>
  void choice(std::string_view key, E& field, const Spelling<E> (&table)[N],
              std::optional<std::type_identity_t<E>> fallback = std::nullopt) {
    if (!reading()) {
      for (const Spelling<E>& spelling : table)
        if (spelling.value == field) return put(key, Tree(std::string(spelling.text)));
      unspelled(key);
    }
    const Tree* found = asked(key);
    if (!found || found->is_null()) {
      if (!fallback) missing(key);
      field = *fallback;
      return;
    }
    std::string text;
    read(*found, key, text);
    std::vector<std::string> known;
    for (const Spelling<E>& spelling : table) {
      if (spelling.text == text) {
        field = spelling.value;
        return;
      }
      known.emplace_back(spelling.text);
    }
    unknown_choice(key, text, known);
  }

  /// A key that must be absent, null or this value: Error{unsupported}, naming key and value,
  /// otherwise. It is written.
  void constant(std::string_view key, const Tree& value);
  /// The same for one of several values, of which the first is written.
  void expect(std::string_view key, std::initializer_list<Tree> values);
  /// The same, but never written: a setting that is off, of which newer files need not know.
  void neutral(std::string_view key, std::initializer_list<Tree> values);

  /// Marks keys, if they are there, as read: they cannot change what is computed.
  void known(std::initializer_list<std::string_view> keys);
  void known(std::span<const std::string> keys);

  /// A nested map. Reading: runs `work` and returns true when the key is there and not null.
  /// Writing: runs it on the map under this key, which it makes.
  template <class Work>
  bool section(std::string_view key, Work&& work) {
    std::optional<ConfigIo> inner = open(key);
    if (!inner) return false;
    work(*inner);
    return true;
  }

  /// For what the above cannot say. The value of a key, which counts as read; null when absent or
  /// when writing.
  const Tree* asked(std::string_view key);
  /// Looks without marking as read.
  bool has(std::string_view key) const;
  /// Writes a value; nothing when reading.
  void put(std::string_view key, Tree value);

  /// Fails with Error{format} that names file and key.
  [[noreturn]] void malformed(std::string_view key, std::string_view why) const;
  /// Fails with Error{unsupported} that names file, key and value.
  [[noreturn]] void unsupported(std::string_view key, const Tree& value,
                                std::string_view why) const;

  struct Unread {
    std::string path;  // dotted
    const Tree* value;
  };
  /// What nobody asked for, sections included, in the file's order.
  std::vector<Unread> unread() const;

 private:
  struct Marks;  // shared with sections: which keys were read and opened, and their other names

  template <class T>
  struct OptionalOf : std::false_type {};
  template <class T>
  struct OptionalOf<std::optional<T>> : std::true_type {};
  template <class T>
  static constexpr bool is_optional = OptionalOf<T>::value;

  ConfigIo(const Tree* in, Tree* out, std::string file, std::string at,
           std::shared_ptr<Marks> marks);
  std::optional<ConfigIo> open(std::string_view key);
  std::string place(std::string_view key) const { return at_ + std::string(key); }  // in the tree
  std::string_view called(std::string_view key) const;                              // by messages
  [[noreturn]] void missing(std::string_view key) const;
  [[noreturn]] void unspelled(std::string_view key) const;
  [[noreturn]] void unknown_choice(std::string_view key, const std::string& text,
                                   const std::vector<std::string>& known) const;
  [[noreturn]] void wrong_type(std::string_view key, const Tree& found, Tree::Type wanted) const;

  void read(const Tree& found, std::string_view key, bool& field) const;
  void read(const Tree& found, std::string_view key, int64_t& field) const;
  void read(const Tree& found, std::string_view key, double& field) const;
  void read(const Tree& found, std::string_view key, std::string& field) const;
  template <class T>
  void read(const Tree& found, std::string_view key, std::vector<T>& field) const {
    if (!found.is_list()) wrong_type(key, found, Tree::Type::list);
    field.clear();
    for (const Tree& item : found.list_items()) {
      T value{};
      read(item, key, value);
      field.push_back(std::move(value));
    }
  }

  template <class T>
  static Tree tree_of(const T& field) {
    return Tree(field);
  }
  template <class T>
  static Tree tree_of(const std::vector<T>& field) {
    Tree list = Tree::list();
    for (const T& item : field) list.push_back(tree_of(T(item)));
    return list;
  }
  template <class T>
  static Tree tree_of(const std::optional<T>& field) {
    return field ? tree_of(*field) : Tree();
  }

  const Tree* in_;  // the map that is read, or null
  Tree* out_;       // the map that is written, or null
  std::string file_, at_;
  std::shared_ptr<Marks> marks_;
};

}  // namespace bascule
