// Which opcode does what, and when a pickle ends.
#include <algorithm>

#include "store/torch_dist/pickle_machine.h"

namespace bascule::pickle {

// The stack then holds the outermost object, the dict of its state, and keys with their values, the
// last key without one.
bool Machine::at_skipped_key() const {
  if (skip_.from.empty() || marks_.size() != 1 || marks_[0] != 2 || stack_.size() % 2 != 1)
    return false;
  const auto is = [](Word word, std::string_view text) {
    return type_of(word) == Type::string && static_cast<TextNode&>(node_of(word)).view() == text;
  };
  if (type_of(stack_[0]) != Type::object || type_of(stack_[1]) != Type::dict ||
      !is(stack_.back(), skip_.from) || in_.back() != static_cast<char>(Opcode::stop))
    return false;
  return std::ranges::all_of(skip_.needed, [&](std::string_view key) {
    for (size_t i = 2; i + 1 < stack_.size(); i += 2)
      if (is(stack_[i], key)) return true;
    return false;
  });
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
    if (at_skipped_key()) {
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

Value decode(std::string bytes, const Limits& limits) {
  const size_t size = bytes.size();
  const size_t memory = limits.memory != 0 ? limits.memory : (size_t{64} << 20) + 6 * size;
  const auto arena = std::make_shared<Arena>(std::move(bytes), memory);
  const Word root = Machine(*arena, limits.skip).run();
  measure(root, (uint64_t{1} << 20) + 16 * uint64_t{size});
  return Arena::seal(arena, root);
}

}  // namespace bascule::pickle
