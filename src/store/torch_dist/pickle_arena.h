// Where the nodes of pickled values live: one allocation scheme for what was decoded and what was
// built by hand. Internal to the pickle code. An arena is filled by one thread, then immutable.
//
// A value is one 64-bit word. Its lowest two bits say what the rest is:
//   00 a constant (None, False, True)   01 an integer of 62 bits   10 the address of a Node
// A Node of kind tuple, string, ... has its own struct below, whose first member is the Node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/torch_dist/pickle_value.h"

namespace bascule::pickle {

using Word = uint64_t;

constexpr Word kNone = 0, kFalse = 4, kTrue = 8;

struct Node {
  Type type;
  uint8_t height = 0;   // nodes above the deepest leaf; 0 while unknown (pickle_graph.h)
  bool by_new = false;  // of an object
  uint32_t weight = 0;  // nodes of the tree that the graph unfolds to, at most kHeaviest
};

constexpr uint32_t kHeaviest = UINT32_MAX;

inline bool is_node(Word word) { return (word & 3) == 2; }
inline bool is_small(Word word) { return (word & 3) == 1; }
// NOLINTNEXTLINE(performance-no-int-to-ptr): a word is a pointer with a tag in its lowest bits
inline Node& node_of(Word word) { return *reinterpret_cast<Node*>(word - 2); }
inline Word word_of(const Node& node) { return reinterpret_cast<Word>(&node) + 2; }
inline bool fits_small(int64_t value) {
  return value >= -(int64_t{1} << 61) && value < int64_t{1} << 61;
}
inline Word small(int64_t value) { return (static_cast<Word>(value) << 2) | 1; }
inline int64_t small_value(Word word) { return static_cast<int64_t>(word) >> 2; }
inline Word boolean(bool value) { return value ? kTrue : kFalse; }
Type type_of(Word word);

// The kinds of nodes. Texts are views into the arena's source or into its blocks.
struct IntegerNode : Node {
  int64_t value;
};
struct NumberNode : Node {
  double value;
};
struct TextNode : Node {  // string, bytes, big_integer
  const char* data;
  size_t size;
  std::string_view view() const { return {data, size}; }
};
struct TupleNode : Node {  // its members follow it
  size_t count;
  Word* members() { return reinterpret_cast<Word*>(this + 1); }
};
struct ListNode : Node {  // list, set, and dict (key, value, key, value, ...)
  Word* members = nullptr;
  size_t count = 0, capacity = 0;
};
struct GlobalNode : Node {
  std::string_view module, name;
};
struct ObjectNode : Node {
  Word callable = kNone, args = kNone, state = kNone, items = kNone;
};
struct PersistentNode : Node {
  Word id = kNone;
};

/// Returns the words that `node` refers to, in order; for an object callable, args, state, items.
std::span<Word> children(Node& node);

class Arena {
 public:
  /// `source` stays alive as long as the arena; at most `limit` bytes are handed out, then
  /// Error{format} is thrown.
  explicit Arena(std::string source = {}, size_t limit = SIZE_MAX)
      : source_(std::move(source)), limit_(limit) {}

  const std::string& source() const { return source_; }

  /// Counts `bytes` held elsewhere (a stack, a memo) towards the limit.
  void charge(size_t bytes);

  template <class Kind>
  Kind& make(Type type, size_t extra_bytes = 0) {
    Kind* kind = new (allocate(sizeof(Kind) + extra_bytes)) Kind{};
    kind->type = type;
    return *kind;
  }

  Word integer(int64_t value);
  Word number(double value);
  /// The text must outlive the arena: a view into source(), or what keep() returned.
  Word text(Type type, std::string_view kept);
  Word tuple(std::span<const Word> members);
  Word global(std::string_view kept_module, std::string_view kept_name);
  void append(ListNode& list, std::span<const Word> members);

  /// Copies a text into the arena.
  std::string_view keep(std::string_view text);
  /// Takes over what `value` refers to, and keeps its arena alive.
  Word adopt(const Value& value);
  /// Hands a finished arena out with `root` as its value.
  static Value seal(std::shared_ptr<Arena> arena, Word root);

 private:
  std::byte* allocate(size_t bytes);

  std::string source_;
  size_t limit_, used_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* free_ = nullptr;
  size_t free_bytes_ = 0, next_block_ = 64;
  std::vector<std::shared_ptr<const Arena>> parents_;
};

/// Computes height and weight of everything below `root`. Throws Error{format} when the graph has a
/// cycle, is higher than Value::kMaxHeight, or unfolds to more than `heaviest` nodes.
void measure(Word root, uint64_t heaviest);

}  // namespace bascule::pickle
