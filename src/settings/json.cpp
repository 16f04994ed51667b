#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/check.h"
#include "settings/limits.h"
#include "settings/tree.h"

namespace bascule {
namespace {

/// Builds a Tree from parser events, so that nothing grows before it is checked.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(const std::string& file) : file_(file) {}

  bool null() override { return add(Tree()); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(int64_t value) override { return add(value); }
  bool number_unsigned(uint64_t value) override {
    if (value > INT64_MAX) return add(static_cast<double>(value));
    return add(static_cast<int64_t>(value));
  }
  bool number_float(double value, const string_t& text) override {
    require(std::isfinite(value), Kind::format, "{}: the number {} is too large", file_, text);
    return add(value);
  }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(size_t) override { return open(Tree::map()); }
  bool start_array(size_t) override { return open(Tree::list()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& text) override {
    Open& open = open_.back();
    require(open.keys.insert(text).second, Kind::format, "{}: the key {} is there twice", file_,
            text);
    open.key = std::move(text);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    std::string_view why = error.what();
    if (const size_t bracket = why.find("] "); bracket != why.npos) why.remove_prefix(bracket + 2);
    fail(Kind::format, "{}: no valid JSON: {}", file_, why);
  }

  Tree take() { return std::move(root_); }

 private:
  struct Open {
    Tree tree;
    std::string key;                       // under which the next value goes
    std::unordered_set<std::string> keys;  // of a map, so far
  };

  bool add(Tree value) {
    require(++values_ <= kMaxExpanded, Kind::format, "{}: more than {} values", file_,
            kMaxExpanded);
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Open& open = open_.back(); open.tree.is_list()) {
      open.tree.push_back(std::move(value));
    } else {
      open.tree.append(std::move(open.key), std::move(value));
    }
    return true;
  }
  bool open(Tree empty) {
    require(open_.size() < kMaxDepth, Kind::format, "{}: values are nested more than {} deep",
            file_, kMaxDepth);
    open_.push_back({std::move(empty), {}, {}});
    return true;
  }
  bool close() {
    Tree done = std::move(open_.back().tree);
    open_.pop_back();
    return add(std::move(done));
  }

  const std::string& file_;
  std::vector<Open> open_;
  size_t values_ = 0;
  Tree root_;
};

std::string quoted(const std::string& text) {
  // Text that is not UTF-8 cannot come from a file we read; it is replaced rather than refused.
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void write(const Tree& tree, const JsonStyle& style, int depth, std::string& out);

template <class Items, class Each>
void write_items(const Items& items, std::string_view brackets, const JsonStyle& style, int depth,
                 std::string& out, Each&& each) {
  out += brackets[0];
  const auto line = [&](int level) {
    if (style.indent < 0) return;
    out += '\n';
    out.append(static_cast<size_t>(style.indent) * static_cast<size_t>(level), ' ');
  };
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += style.indent < 0 ? ", " : ",";
    first = false;
    line(depth + 1);
    each(item);
  }
  if (!items.empty()) line(depth);
  out += brackets[1];
}

void write(const Tree& tree, const JsonStyle& style, int depth, std::string& out) {
  switch (tree.type()) {
    case Tree::Type::null:
      out += "null";
      break;
    case Tree::Type::boolean:
      out += tree.boolean() ? "true" : "false";
      break;
    case Tree::Type::integer:
      out += std::to_string(tree.integer());
      break;
    case Tree::Type::real:
      require(std::isfinite(tree.real()), Kind::internal, "JSON has no number {}", tree.real());
      out += python_repr(tree.real());
      break;
    case Tree::Type::string:
      out += quoted(tree.string());
      break;
    case Tree::Type::list:
      write_items(tree.list_items(), "[]", style, depth, out,
                  [&](const Tree& item) { write(item, style, depth + 1, out); });
      break;
    case Tree::Type::map:
      write_items(tree.entries(), "{}", style, depth, out, [&](const Tree::Entry& entry) {
        out += quoted(entry.key) + ": ";
        write(entry.value, style, depth + 1, out);
      });
  }
}

}  // namespace

Tree parse_json(std::string_view text, const std::string& file, size_t most_bytes) {
  require(text.size() <= most_bytes, Kind::format, "{}: {} bytes are more than the {} allowed",
          file, text.size(), most_bytes);
  Builder builder(file);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

std::string to_json(const Tree& tree, const JsonStyle& style) {
  std::string out;
  write(style.sorted_keys ? tree.sorted() : tree, style, 0, out);
  return out;
}

std::string brief(const Tree& tree, size_t limit) {
  const auto number = [](const Tree& value) { return !std::isfinite(value.real()); };
  if (tree.type() == Tree::Type::real && number(tree)) return python_repr(tree.real());
  // A part of a large value is enough; write no more of it than is shown.
  if (tree.is_list() && tree.list_items().size() > limit)
    return fmt::format("a list of {} values", tree.list_items().size());
  if (tree.is_map() && tree.entries().size() > limit)
    return fmt::format("a map of {} keys", tree.entries().size());
  std::string text;
  try {
    write(tree, {.indent = -1}, 0, text);
  } catch (const Error&) {  // a number that JSON lacks, somewhere inside
    return std::string(describe(tree.type()));
  }
  if (text.size() <= limit) return text;
  size_t cut = limit;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "...";
}

}  // namespace bascule
