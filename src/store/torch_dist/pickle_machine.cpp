// What opcodes do to the stack and the memo.
#include "store/torch_dist/pickle_machine.h"

#include <algorithm>

namespace bascule::pickle {
namespace {

constexpr Word kUnset = ~Word{0};

}  // namespace

std::string_view Machine::take(uint64_t count) {
  if (count > in_.size() - at_)
    refuse("needs {} bytes, but only {} are left: the file is truncated or damaged", count,
           in_.size() - at_);
  const std::string_view taken = in_.substr(at_, count);
  at_ += count;
  return taken;
}

std::string_view Machine::line() {
  const size_t end = in_.find('\n', at_);
  if (end == std::string_view::npos) refuse("its line has no end");
  const std::string_view text = in_.substr(at_, end - at_);
  at_ = end + 1;
  return text;
}

void Machine::push(Word word) {
  if (stack_.size() == stack_.capacity()) {
    arena_.charge(std::max<size_t>(stack_.size(), 64) * sizeof(Word));
    stack_.reserve(std::max<size_t>(2 * stack_.size(), 64));
  }
  stack_.push_back(word);
}

Word Machine::pop() {
  const Word word = top();
  stack_.pop_back();
  return word;
}

Word& Machine::top() {
  if (stack_.size() <= floor()) refuse("the stack is empty");
  return stack_.back();
}

Node& Machine::top_node(Type type) {
  if (type_of(top()) != type) refuse("found a {}, needs a {}", name(type_of(top())), name(type));
  return node_of(top());
}

std::span<const Word> Machine::above_mark() {
  if (marks_.empty()) refuse("there is no mark on the stack");
  return std::span<const Word>(stack_).subspan(marks_.back());
}

void Machine::drop_to_mark() {
  if (marks_.empty()) refuse("there is no mark on the stack");
  stack_.resize(marks_.back());
  marks_.pop_back();
}

void Machine::tuple(size_t count) {
  if (stack_.size() - floor() < count) refuse("the stack is empty");
  const Word made = arena_.tuple(std::span<const Word>(stack_).last(count));
  stack_.resize(stack_.size() - count);
  push(made);
}

void Machine::integer(std::string_view little_endian) {
  uint64_t bits = 0;
  const size_t size = little_endian.size();
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(little_endian[i]); };
  const uint8_t sign = size != 0 && (byte(size - 1) & 0x80) ? 0xff : 0;
  for (size_t i = 0; i < 8; ++i)
    bits |= static_cast<uint64_t>(i < size ? byte(i) : sign) << (8 * i);
  const bool negative = bits >> 63;
  bool fits = size <= 8 || negative == (sign != 0);
  for (size_t i = 8; i < size; ++i) fits = fits && byte(i) == sign;
  if (fits)
    push(arena_.integer(static_cast<int64_t>(bits)));
  else
    text(Type::big_integer, little_endian);
}

// MARK members... -> a list, set or dict of them.
void Machine::collect(Type type) {
  auto& made = arena_.make<ListNode>(type);
  const std::span<const Word> members = above_mark();
  if (type == Type::dict && members.size() % 2 != 0) refuse("an odd number of keys and values");
  arena_.append(made, members);
  drop_to_mark();
  push(word_of(made));
}

// Adds members to a container. An object keeps them apart: what its class does with them is
// unknown.
void Machine::extend(Word container, Type type, std::span<const Word> members) {
  if (type_of(container) == Type::object && type != Type::set) {
    auto& object = static_cast<ObjectNode&>(node_of(container));
    if (object.items == kNone) object.items = word_of(arena_.make<ListNode>(type));
    container = object.items;
  }
  if (type_of(container) != type)
    refuse("found a {}, needs a {}", name(type_of(container)), name(type));
  if (type == Type::dict && members.size() % 2 != 0) refuse("an odd number of keys and values");
  arena_.append(static_cast<ListNode&>(node_of(container)), members);
}

void Machine::add(Type type, size_t count) {
  if (stack_.size() - floor() < count + 1) refuse("the stack is empty");
  const auto members = std::span<const Word>(stack_).last(count);
  extend(stack_[stack_.size() - count - 1], type, members);
  stack_.resize(stack_.size() - count);
}

void Machine::add_marked(Type type) {
  const std::span<const Word> members = above_mark();
  const size_t begin = marks_.back();
  marks_.pop_back();
  if (begin <= floor()) refuse("the stack is empty");
  extend(stack_[begin - 1], type, members);
  stack_.resize(begin);
}

void Machine::put(uint64_t index) {
  // Every entry costs at least a byte of the file, so a larger index is a lie about the memory.
  if (index > in_.size()) refuse("memo index {} in a pickle of {} bytes", index, in_.size());
  if (index >= memo_.size()) {
    const size_t grown = std::max<size_t>(index + 1, std::min(memo_.size() + 256, in_.size() + 1));
    arena_.charge((grown - memo_.size()) * sizeof(Word));
    memo_.resize(grown, kUnset);
  }
  memoized_ += memo_[index] == kUnset;
  memo_[index] = top();
}

void Machine::get(uint64_t index) {
  if (index >= memo_.size() || memo_[index] == kUnset) refuse("memo entry {} is not set", index);
  push(memo_[index]);
}

void Machine::call(bool by_new) {
  top_node(Type::tuple);
  const Word args = pop();
  const Type callable = type_of(top());
  if (callable != Type::global && callable != Type::object)
    refuse("a {} cannot be called", name(callable));
  auto& made = arena_.make<ObjectNode>(Type::object);
  made.by_new = by_new;
  made.args = args;
  made.callable = std::exchange(top(), word_of(made));
}

void Machine::build() {
  const Word state = pop();
  auto& object = static_cast<ObjectNode&>(top_node(Type::object));
  if (object.state != kNone) refuse("the object has a state already");
  object.state = state;
}

}  // namespace bascule::pickle
