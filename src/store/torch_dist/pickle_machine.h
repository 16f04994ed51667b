// The machine of a pickle: a stack, marks on it, and a memo. It builds nodes and calls nothing.
// Internal to the pickle code; not for several threads.
#pragma once

#include <bit>
#include <cstring>
#include <deque>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "store/torch_dist/pickle.h"
#include "store/torch_dist/pickle_arena.h"
#include "store/torch_dist/pickle_opcode.h"

namespace bascule::pickle {

class Machine {
 public:
  Machine(Arena& arena, const Skip& skip)
      : arena_(arena), in_(arena.source()), skip_(skip), empty_tuple_(arena.tuple({})) {}

  /// Runs to STOP and returns what is then on the stack.
  Word run();

 private:
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) const {
    fail(Kind::format, "pickle opcode {} (0x{:02x}) at byte {}: {}", name(opcode_),
         static_cast<int>(opcode_), opcode_at_, fmt::format(text, std::forward<Args>(args)...));
  }

  // Reading arguments.
  template <class Number>
  Number little();
  std::string_view take(uint64_t count);
  std::string_view line();

  // The stack.
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  void push(Word word);
  Word pop();
  Word& top();
  Node& top_node(Type type);
  std::span<const Word> above_mark();  // stays valid until the next push
  void drop_to_mark();

  void step();
  void text(Type type, std::string_view view) { push(arena_.text(type, view)); }
  void empty(Type type) { push(word_of(arena_.make<ListNode>(type))); }
  void tuple(size_t count);
  void integer(std::string_view little_endian);
  void collect(Type type);
  void extend(Word container, Type type, std::span<const Word> members);
  void add(Type type, size_t count);
  void add_marked(Type type);
  void put(uint64_t index);
  void get(uint64_t index);
  void call(bool by_new);
  void build();
  bool at_skipped_key() const;

  Arena& arena_;
  std::string_view in_;
  const Skip& skip_;
  Word empty_tuple_;
  size_t at_ = 0, opcode_at_ = 0;
  Opcode opcode_ = Opcode::stop;
  std::vector<Word> stack_;
  std::deque<Word> memo_;  // grows without a copy beside it
  std::vector<size_t> marks_;
  size_t memoized_ = 0;
};

template <class Number>
Number Machine::little() {
  static_assert(std::endian::native == std::endian::little);
  Number number;
  std::memcpy(&number, take(sizeof number).data(), sizeof number);
  return number;
}

}  // namespace bascule::pickle
