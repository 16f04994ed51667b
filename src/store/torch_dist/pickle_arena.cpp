#include "store/torch_dist/pickle_arena.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace bascule::pickle {
namespace {

constexpr size_t kLargestBlock = size_t{1} << 20;
constexpr uint8_t kInProgress = 255;  // as a height: on the path from the root
static_assert(Value::kMaxHeight < kInProgress);

// A node whose children are being measured, and how far that is.
struct Visit {
  Node* node;
  size_t next = 0;
};

}  // namespace

Type type_of(Word word) {
  if (is_node(word)) return node_of(word).type;
  if (is_small(word)) return Type::integer;
  return word == kNone ? Type::none : Type::boolean;
}

std::span<Word> children(Node& node) {
  switch (node.type) {
    case Type::tuple: {
      auto& tuple = static_cast<TupleNode&>(node);
      return {tuple.members(), tuple.count};
    }
    case Type::list:
    case Type::set:
    case Type::dict: {
      auto& list = static_cast<ListNode&>(node);
      return {list.members, list.count};
    }
    case Type::object:
      return {&static_cast<ObjectNode&>(node).callable, 4};
    case Type::persistent:
      return {&static_cast<PersistentNode&>(node).id, 1};
    default:
      return {};
  }
}

void Arena::charge(size_t bytes) {
  require(bytes <= limit_ - used_, Kind::format,
          "the pickle needs more than {} bytes of memory: it is damaged or hostile", limit_);
  used_ += bytes;
}

std::byte* Arena::allocate(size_t bytes) {
  bytes = (bytes + 7) / 8 * 8;
  charge(bytes);
  if (bytes > free_bytes_) {
    const size_t block = std::max(bytes, next_block_);
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block));
    free_ = blocks_.back().get();
    free_bytes_ = block;
    next_block_ = std::min(next_block_ * 2, kLargestBlock);
  }
  std::byte* at = free_;
  free_ += bytes;
  free_bytes_ -= bytes;
  return at;
}

Word Arena::integer(int64_t value) {
  if (fits_small(value)) return small(value);
  auto& node = make<IntegerNode>(Type::integer);
  node.value = value;
  return word_of(node);
}

Word Arena::number(double value) {
  auto& node = make<NumberNode>(Type::number);
  node.value = value;
  return word_of(node);
}

Word Arena::text(Type type, std::string_view kept) {
  auto& node = make<TextNode>(type);
  node.data = kept.data();
  node.size = kept.size();
  return word_of(node);
}

Word Arena::tuple(std::span<const Word> members) {
  auto& node = make<TupleNode>(Type::tuple, members.size_bytes());
  node.count = members.size();
  std::copy(members.begin(), members.end(), node.members());
  return word_of(node);
}

Word Arena::global(std::string_view kept_module, std::string_view kept_name) {
  auto& node = make<GlobalNode>(Type::global);
  node.module = kept_module;
  node.name = kept_name;
  return word_of(node);
}

void Arena::append(ListNode& list, std::span<const Word> members) {
  if (members.size() > list.capacity - list.count) {
    // The first batch gets its exact size, as most lists have only one.
    const size_t capacity = list.capacity == 0
                                ? members.size()
                                : std::max(2 * list.capacity, list.count + members.size());
    auto* grown = reinterpret_cast<Word*>(allocate(capacity * sizeof(Word)));
    std::copy_n(list.members, list.count, grown);
    list.members = grown;
    list.capacity = capacity;
  }
  std::copy(members.begin(), members.end(), list.members + list.count);
  list.count += members.size();
}

std::string_view Arena::keep(std::string_view text) {
  if (text.empty()) return {};
  auto* copy = reinterpret_cast<char*>(allocate(text.size()));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

Word Arena::adopt(const Value& value) {
  if (value.arena_ && std::find(parents_.begin(), parents_.end(), value.arena_) == parents_.end())
    parents_.push_back(value.arena_);
  return value.word_;
}

Value Arena::seal(std::shared_ptr<Arena> arena, Word root) {
  if (!is_node(root)) return {nullptr, root};
  return {std::move(arena), root};
}

void measure(Word root, uint64_t heaviest) {
  if (!is_node(root) || node_of(root).height != 0) return;
  std::vector<Visit> path{{&node_of(root)}};
  node_of(root).height = kInProgress;
  while (!path.empty()) {
    Visit& top = path.back();
    const std::span<Word> below = children(*top.node);
    while (top.next < below.size() &&
           (!is_node(below[top.next]) || (node_of(below[top.next]).height != 0 &&
                                          node_of(below[top.next]).height != kInProgress)))
      ++top.next;
    if (top.next < below.size()) {
      Node& child = node_of(below[top.next]);
      require(child.height != kInProgress, Kind::format,
              "a {} of the pickle contains itself, which no file that we read needs",
              name(child.type));
      child.height = kInProgress;
      require(path.size() <= Value::kMaxHeight, Kind::format,
              "the pickle is nested more than {} levels deep", Value::kMaxHeight);
      path.push_back({&child});
      continue;
    }
    uint64_t weight = 1;
    uint8_t height = 0;
    for (const Word word : below) {
      weight += is_node(word) ? node_of(word).weight : 1;
      if (is_node(word)) height = std::max(height, node_of(word).height);
    }
    require(height < Value::kMaxHeight, Kind::format,
            "the pickle is nested more than {} levels deep", Value::kMaxHeight);
    require(weight <= heaviest, Kind::format,
            "the pickle unfolds to more than {} values: it is damaged or hostile", heaviest);
    top.node->height = static_cast<uint8_t>(height + 1);
    top.node->weight = static_cast<uint32_t>(std::min<uint64_t>(weight, kHeaviest));
    path.pop_back();
  }
}

}  // namespace bascule::pickle
