// The machine of a pickle: a stack, marks on it, and a memo. It builds nodes and calls nothing.
#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "store/torch_dist/pickle.h"
#include "store/torch_dist/pickle_arena.h"
#include "store/torch_dist/pickle_opcode.h"

namespace bascule::pickle {
namespace {

constexpr Word kUnset = ~Word{0};

class Machine {
 public:
  Machine(Arena& arena, std::string_view stop_at)
      : arena_(arena), in_(arena.source()), stop_at_(stop_at), empty_tuple_(arena.tuple({})) {}

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
  bool at_stop_key() const;

  Arena& arena_;
  std::string_view in_, stop_at_;
  Word empty_tuple_;
  size_t at_ = 0, opcode_at_ = 0;
  Opcode opcode_ = Opcode::stop;
  std::vector<Word> stack_, memo_;
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
    const size_t grown = std::max<size_t>(index + 1, std::min(2 * memo_.size(), in_.size() + 1));
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

// The stack holds the outermost object, the dict of its state, and keys with their values.
bool Machine::at_stop_key() const {
  return !stop_at_.empty() && marks_.size() == 1 && marks_[0] == 2 && stack_.size() % 2 == 1 &&
         type_of(stack_[0]) == Type::object && type_of(stack_[1]) == Type::dict &&
         type_of(stack_.back()) == Type::string &&
         static_cast<TextNode&>(node_of(stack_.back())).view() == stop_at_;
}

void Machine::step() {
  switch (opcode_) {
    case Opcode::proto: {
      const int version = little<uint8_t>();
      if (version > 5) refuse("protocol {}; 5 is the latest known", version);
      break;
    }
    case Opcode::frame: {
      const auto length = little<uint64_t>();
      if (length > in_.size() - at_)
        refuse("a frame of {} bytes, but only {} are left", length, in_.size() - at_);
      break;
    }
    case Opcode::mark:
      if (marks_.size() == marks_.capacity()) {
        arena_.charge((marks_.size() + 64) * sizeof(size_t));
        marks_.reserve(2 * marks_.size() + 64);
      }
      marks_.push_back(stack_.size());
      break;
    case Opcode::pop:
      if (!marks_.empty() && stack_.size() == marks_.back())
        marks_.pop_back();
      else
        pop();
      break;
    case Opcode::pop_mark:
      drop_to_mark();
      break;
    case Opcode::dup:
      push(top());
      break;
    case Opcode::none:
      push(kNone);
      break;
    case Opcode::new_true:
      push(kTrue);
      break;
    case Opcode::new_false:
      push(kFalse);
      break;
    case Opcode::bin_int:
      push(small(little<int32_t>()));
      break;
    case Opcode::bin_int1:
      push(small(little<uint8_t>()));
      break;
    case Opcode::bin_int2:
      push(small(little<uint16_t>()));
      break;
    case Opcode::long1:
      integer(take(little<uint8_t>()));
      break;
    case Opcode::long4:
      integer(take(little<uint32_t>()));
      break;
    case Opcode::bin_float:
      push(arena_.number(std::bit_cast<double>(__builtin_bswap64(little<uint64_t>()))));
      break;
    case Opcode::bin_string:
    case Opcode::bin_unicode:
      text(Type::string, take(little<uint32_t>()));
      break;
    case Opcode::short_bin_string:
    case Opcode::short_bin_unicode:
      text(Type::string, take(little<uint8_t>()));
      break;
    case Opcode::bin_unicode8:
      text(Type::string, take(little<uint64_t>()));
      break;
    case Opcode::bin_bytes:
      text(Type::bytes, take(little<uint32_t>()));
      break;
    case Opcode::short_bin_bytes:
      text(Type::bytes, take(little<uint8_t>()));
      break;
    case Opcode::bin_bytes8:
    case Opcode::byte_array8:
      text(Type::bytes, take(little<uint64_t>()));
      break;
    case Opcode::empty_tuple:
      push(empty_tuple_);
      break;
    case Opcode::tuple1:
      tuple(1);
      break;
    case Opcode::tuple2:
      tuple(2);
      break;
    case Opcode::tuple3:
      tuple(3);
      break;
    case Opcode::tuple: {
      const Word made = arena_.tuple(above_mark());
      drop_to_mark();
      push(made);
      break;
    }
    case Opcode::empty_list:
      empty(Type::list);
      break;
    case Opcode::empty_dict:
      empty(Type::dict);
      break;
    case Opcode::empty_set:
      empty(Type::set);
      break;
    case Opcode::list:
      collect(Type::list);
      break;
    case Opcode::dict:
      collect(Type::dict);
      break;
    case Opcode::frozen_set:
      collect(Type::set);
      break;
    case Opcode::append:
      add(Type::list, 1);
      break;
    case Opcode::appends:
      add_marked(Type::list);
      break;
    case Opcode::set_item:
      add(Type::dict, 2);
      break;
    case Opcode::set_items:
      add_marked(Type::dict);
      break;
    case Opcode::add_items:
      add_marked(Type::set);
      break;
    case Opcode::global: {
      const std::string_view module = line();
      push(arena_.global(module, line()));
      break;
    }
    case Opcode::stack_global: {
      const auto& called = static_cast<TextNode&>(top_node(Type::string));
      pop();
      const auto& module = static_cast<TextNode&>(top_node(Type::string));
      top() = arena_.global(module.view(), called.view());
      break;
    }
    case Opcode::reduce:
      call(false);
      break;
    case Opcode::new_obj:
      call(true);
      break;
    case Opcode::new_obj_ex: {
      top_node(Type::dict);
      const Word keywords = pop();
      const std::span<const Word> args = children(top_node(Type::tuple));
      std::vector<Word> all(args.begin(), args.end());
      arena_.charge(all.size() * sizeof(Word));
      all.push_back(keywords);
      top() = arena_.tuple(all);
      call(true);
      break;
    }
    case Opcode::build:
      build();
      break;
    case Opcode::bin_put:
      put(little<uint8_t>());
      break;
    case Opcode::long_bin_put:
      put(little<uint32_t>());
      break;
    case Opcode::memoize:
      put(memoized_);
      break;
    case Opcode::bin_get:
      get(little<uint8_t>());
      break;
    case Opcode::long_bin_get:
      get(little<uint32_t>());
      break;
    case Opcode::bin_pers_id: {
      auto& made = arena_.make<PersistentNode>(Type::persistent);
      made.id = std::exchange(top(), word_of(made));
      break;
    }
    default:
      refuse("no file that we read needs it; the file is damaged or foreign");
  }
}

Word Machine::run() {
  for (;;) {
    opcode_at_ = at_;
    if (at_ == in_.size())
      fail(Kind::format, "the pickle has no STOP: {} bytes, truncated or damaged", in_.size());
    opcode_ = static_cast<Opcode>(in_[at_++]);
    if (opcode_ == Opcode::stop) break;
    step();
    if (at_stop_key()) {
      stack_.pop_back();
      add_marked(Type::dict);
      build();
      return pop();
    }
  }
  if (!marks_.empty()) refuse("a mark is left on the stack");
  if (stack_.size() != 1) refuse("the stack holds {} values, not one", stack_.size());
  if (at_ != in_.size()) refuse("{} bytes follow the pickle", in_.size() - at_);
  return stack_[0];
}

}  // namespace

Value decode(std::string bytes, const Limits& limits) {
  const size_t size = bytes.size();
  const size_t memory = limits.memory != 0 ? limits.memory : (size_t{64} << 20) + 6 * size;
  const auto arena = std::make_shared<Arena>(std::move(bytes), memory);
  const Word root = Machine(*arena, limits.stop_at).run();
  measure(root, (uint64_t{1} << 20) + 16 * uint64_t{size});
  return Arena::seal(arena, root);
}

}  // namespace bascule::pickle
