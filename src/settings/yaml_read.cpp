#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "base/utf8.h"
#include "settings/limits.h"
#include "settings/tree.h"
#include "settings/yaml_scalar.h"

namespace bascule {
namespace {

constexpr std::string_view kStandardTag = "tag:yaml.org,2002:";
constexpr size_t kMaxPath = 256;  // bytes of a key's path whose line is kept

size_t values_in(const Tree& tree) {
  size_t count = 1;
  if (tree.is_list())
    for (const Tree& item : tree.list_items()) count += values_in(item);
  if (tree.is_map())
    for (const Tree::Entry& entry : tree.entries()) count += values_in(entry.value);
  return count;
}

/// Builds a Tree from parser events; an alias copies what its anchor names.
class YamlBuilder : public YAML::EventHandler {
 public:
  explicit YamlBuilder(const std::string& file, std::vector<KeyLine>* lines = nullptr)
      : file_(file), lines_(lines) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, Tree(), "", anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    // An anchor is known once its value ended, so that a value cannot hold itself.
    require(found != anchors_.end(), Kind::format, "{}: the alias in line {} has no value yet",
            file_, mark.line + 1);
    count(found->second.values);
    expanded_bytes_ += found->second.bytes;
    require(expanded_bytes_ <= kMaxText, Kind::format, "{}: aliases expand to more than {} bytes",
            file_, kMaxText);
    Tree copy = found->second.tree;
    add(mark, std::move(copy), "an alias", 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    count(1);
    add(mark, scalar(mark, tag, text), text, anchor, tag == "?");
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, "seq", Tree::list(), anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, "map", Tree::map(), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  Tree take() { return std::move(root_); }

 private:
  struct Open {
    Tree tree;
    YAML::anchor_t anchor = 0;
    YAML::Mark mark;
    bool has_key = false;
    std::string key;
    std::unordered_set<std::string> keys;
  };
  struct Anchored {
    Tree tree;
    size_t values = 0, bytes = 0;
  };

  Tree scalar(const YAML::Mark& mark, const std::string& tag, const std::string& text) const {
    if (tag == "?" || tag.empty()) return plain_scalar(text);
    if (tag == "!") return text;
    Tree value = plain_scalar(text);
    const auto is = [&](std::string_view name, Tree::Type type) {
      return tag == std::string(kStandardTag) + std::string(name) && value.type() == type;
    };
    if (tag == std::string(kStandardTag) + "str") return text;
    if (tag == std::string(kStandardTag) + "float" && value.type() == Tree::Type::integer)
      return value.real();
    if (is("int", Tree::Type::integer) || is("float", Tree::Type::real) ||
        is("bool", Tree::Type::boolean) || is("null", Tree::Type::null))
      return value;
    fail(Kind::format, "{}: line {} tags {} as {}, which is not supported", file_, mark.line + 1,
         brief(Tree(text)), tag);
  }

  void count(size_t values) {
    values_ += values;
    require(values_ <= kMaxExpanded, Kind::format, "{}: more than {} values", file_, kMaxExpanded);
  }

  void add(const YAML::Mark& mark, Tree value, const std::string& key, YAML::anchor_t anchor,
           bool plain = false) {
    if (anchor) keep(anchor, value);
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Open& open = open_.back();
    if (open.tree.is_list()) return open.tree.push_back(std::move(value));
    if (open.has_key) {
      open.has_key = false;
      return open.tree.append(std::move(open.key), std::move(value));
    }
    require(!value.is_list() && !value.is_map(), Kind::format,
            "{}: line {} uses {} as a key, which is not supported", file_, mark.line + 1,
            describe(value.type()));
    require(!plain || key != "<<", Kind::format,
            "{}: line {} merges a map (<<), which is not supported", file_, mark.line + 1);
    // Keys are text here, whatever they look like.
    std::string text = value.type() == Tree::Type::string ? value.string()
                       : value.is_null()                  ? "null"
                                                          : key;
    require(open.keys.insert(text).second, Kind::format, "{}: line {} repeats the key {}", file_,
            mark.line + 1, brief(Tree(text)));
    open.key = std::move(text);
    open.has_key = true;
    if (lines_) keep_line(mark.line + 1);
  }

  void keep_line(int64_t line) {
    std::string path;
    for (const Open& open : open_) {
      if (!open.has_key || path.size() + open.key.size() > kMaxPath) return;  // a list; no setting
      path += (path.empty() ? "" : ".") + open.key;
    }
    lines_->push_back({std::move(path), line});
  }

  void open(const YAML::Mark& mark, const std::string& tag, std::string_view standard, Tree empty,
            YAML::anchor_t anchor) {
    count(1);
    require(tag.empty() || tag == "?" || tag == "!" ||
                tag == std::string(kStandardTag) + std::string(standard),
            Kind::format, "{}: line {} has the tag {}, which is not supported", file_,
            mark.line + 1, tag);
    require(open_.size() < kMaxDepth, Kind::format, "{}: values are nested more than {} deep",
            file_, kMaxDepth);
    open_.push_back(
        {.tree = std::move(empty), .anchor = anchor, .mark = mark, .key = {}, .keys = {}});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(done.mark, std::move(done.tree), "", done.anchor);
  }

  void keep(YAML::anchor_t anchor, const Tree& value) {
    Anchored kept{value, values_in(value), to_json_size(value)};
    count(kept.values);  // the copy costs memory, too
    expanded_bytes_ += kept.bytes;
    require(expanded_bytes_ <= kMaxText, Kind::format, "{}: anchors keep more than {} bytes", file_,
            kMaxText);
    anchors_[anchor] = std::move(kept);
  }

  static size_t to_json_size(const Tree& tree) {
    size_t bytes = tree.type() == Tree::Type::string ? tree.string().size() : 0;
    if (tree.is_list())
      for (const Tree& item : tree.list_items()) bytes += to_json_size(item);
    if (tree.is_map())
      for (const Tree::Entry& entry : tree.entries())
        bytes += entry.key.size() + to_json_size(entry.value);
    return bytes;
  }

  const std::string& file_;
  std::vector<KeyLine>* lines_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  size_t values_ = 0, expanded_bytes_ = 0;
  Tree root_;
};

Tree parse(std::string_view text, const std::string& file, std::vector<KeyLine>* lines) {
  require(text.size() <= kMaxYaml, Kind::format, "{}: {} bytes are more than the {} allowed", file,
          text.size(), kMaxYaml);
  const size_t good = end_of_utf8(text);
  require(good == text.size(), Kind::format, "{}: no valid YAML: not UTF-8 at byte {}", file, good);
  std::istringstream in{std::string(text)};
  try {
    YAML::Parser parser(in);
    YamlBuilder builder(file, lines), rest(file);
    parser.HandleNextDocument(builder);
    require(!parser.HandleNextDocument(rest), Kind::format,
            "{}: more than one document; only one is allowed", file);
    return builder.take();
  } catch (const YAML::Exception& error) {
    fail(Kind::format, "{}: no valid YAML: line {}, column {}: {}", file, error.mark.line + 1,
         error.mark.column + 1, error.msg);
  }
}

}  // namespace

Tree parse_yaml(std::string_view text, const std::string& file) {
  return parse(text, file, nullptr);
}

Tree parse_yaml(std::string_view text, const std::string& file, std::vector<KeyLine>& lines) {
  lines.clear();
  return parse(text, file, &lines);
}

}  // namespace bascule
