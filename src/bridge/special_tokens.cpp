#include "bridge/special_tokens.h"

#include <fmt/ranges.h>

#include <array>
#include <optional>

#include "base/check.h"
#include "base/file.h"
#include "bridge/opened.h"
#include "store/json_events.h"

namespace bascule {
namespace {

using Ids = std::map<std::string, int64_t, std::less<>>;

constexpr int64_t kTokenizerLimit = int64_t{64} << 20;
constexpr std::array kTokens = {"bos", "eos", "pad"};

/// Follows the paths added_tokens[].{content,id}, model.vocab.TOKEN (a number) and, of Unigram
/// models, model.vocab[] (lists that start with the token, numbered by place).
class TokenEvents final : public JsonEvents {
 public:
  explicit TokenEvents(Ids& ids) : ids_(ids) {}

  void begin_object() override {
    enter();
    if (at("added_tokens", 3)) content_.clear(), id_ = -1;
  }
  void end_object() override {
    if (at("added_tokens", 3)) note(content_, id_);
    leave();
  }
  void begin_array() override {
    enter();
    place_ = 0;
  }
  void end_array() override {
    const bool piece = in_vocab(4);
    leave();
    if (piece) ++piece_;
  }
  void key(std::string& text) override {
    if (depth_ <= kKept) keys_[depth_] = std::move(text);
  }
  void string(std::string& text) override {
    if (at("added_tokens", 3) && keys_[3] == "content")
      content_ = std::move(text);
    else if (in_vocab(4) && place_++ == 0)
      note(text, piece_);
  }
  void natural(uint64_t number) override {
    const auto id = static_cast<int64_t>(std::min<uint64_t>(number, INT64_MAX));
    if (at("added_tokens", 3) && keys_[3] == "id")
      id_ = id;
    else if (in_vocab(3))
      note(keys_[3], id);
  }
  void other(std::string_view) override {}

 private:
  static constexpr size_t kKept = 4;

  void enter() {
    if (++depth_ <= kKept) keys_[depth_].clear();
  }
  void leave() { --depth_; }
  bool at(std::string_view first, size_t depth) const {
    return depth_ == depth && keys_[1] == first;
  }
  bool in_vocab(size_t depth) const { return at("model", depth) && keys_[2] == "vocab"; }
  void note(const std::string& token, int64_t id) {
    const auto found = ids_.find(token);
    if (found != ids_.end() && found->second < 0) found->second = id;
  }

  Ids& ids_;
  std::array<std::string, kKept + 1> keys_;  // by depth
  size_t depth_ = 0;
  std::string content_;
  int64_t id_ = -1, piece_ = 0, place_ = 0;
};

/// The JSON files that travel; what cannot be read of them is remembered, and tells nothing.
class TokenFiles {
 public:
  explicit TokenFiles(const TravellingFiles& files) : files_(files) {}

  Tree map(const std::string& name) {
    Tree tree = Tree::map();
    read(name, kConfigLimit, [&](const std::string& text, const std::string& file) {
      tree = parse_json(text, file, static_cast<size_t>(kConfigLimit));
      require(tree.is_map(), Kind::format, "{} holds no JSON object", file);
    });
    return tree.is_map() ? tree : Tree::map();
  }
  void find_ids(const std::string& name, Ids& ids) {
    read(name, kTokenizerLimit, [&](const std::string& text, const std::string& file) {
      find_token_ids(text, file, ids);
    });
  }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  template <class Reading>
  void read(const std::string& name, int64_t limit, Reading reading) {
    const auto file = files_.find(name);
    if (file == files_.end()) return;
    try {
      reading(read_small_file(file->second, limit), file->second.string());
    } catch (const Error& error) {
      problems_.push_back(error.what());
    }
  }

  const TravellingFiles& files_;
  std::vector<std::string> problems_;
};

bool is_id(const Tree& value, int64_t vocab) {
  return value.type() == Tree::Type::integer && value.integer() >= 0 && value.integer() < vocab;
}

/// A number, null, or a list of numbers (several tokens may end a text).
bool are_ids(const Tree& value, int64_t vocab) {
  if (!value.is_list()) return value.is_null() || is_id(value, vocab);
  for (const Tree& one : value.list_items())
    if (!is_id(one, vocab)) return false;
  return !value.list_items().empty();
}

/// The text of a token in tokenizer_config.json: a string, or a map that has it as content.
std::optional<std::string> token_text(const Tree& value) {
  const Tree* text = value.is_map() ? value.find("content") : &value;
  if (!text || text->type() != Tree::Type::string) return {};
  return text->string();
}

/// What the tokenizer's files say: the ids, null for tokens that it has not; nothing where they do
/// not tell.
std::map<std::string, Tree> of_tokenizer(TokenFiles& files) {
  std::map<std::string, Tree> said;
  std::map<std::string, std::string> texts;
  Ids ids;
  const Tree config = files.map("tokenizer_config.json");
  const Tree special = files.map("special_tokens_map.json");
  for (const std::string name : kTokens) {
    const std::string key = name + "_token";
    const Tree* value = config.find(key);
    if (!value) value = special.find(key);
    if (value && value->is_null()) said[name] = Tree();
    if (const auto text = value ? token_text(*value) : std::nullopt) {
      texts[name] = *text;
      ids[*text] = -1;
    }
  }
  // A tokenizer that names other tokens has none to pad with.
  if (!texts.empty() && !texts.contains("pad")) said["pad"] = Tree();
  if (const Tree* added = config.find("added_tokens_decoder"); added && added->is_map())
    for (const Tree::Entry& entry : added->entries()) {
      const auto text = token_text(entry.value);
      const auto wanted = text ? ids.find(*text) : ids.end();
      if (wanted == ids.end() || entry.key.empty() || entry.key.size() > 9 ||
          entry.key.find_first_not_of("0123456789") != std::string::npos)
        continue;
      wanted->second = std::stoll(entry.key);
    }
  if (!ids.empty()) files.find_ids("tokenizer.json", ids);
  for (const auto& [name, text] : texts)
    if (const int64_t id = ids.at(text); id >= 0) said[name] = Tree(id);
  return said;
}

}  // namespace

void find_token_ids(std::string_view json, const std::string& file, Ids& ids) {
  TokenEvents events(ids);
  read_json(json, events, file);
}

std::string add_special_tokens(Tree& config, const TravellingFiles& files, int64_t vocab) {
  TokenFiles read(files);
  const Tree original = read.map("config.json");
  const Tree generation = read.map("generation_config.json");
  std::map<std::string, Tree> tokenizer = of_tokenizer(read);
  std::vector<std::string> unknown;
  for (const std::string name : kTokens) {
    const std::string key = name + "_token_id";
    const Tree* found = original.find(key);
    if (!found) found = generation.find(key);
    if (!found && tokenizer.contains(name)) found = &tokenizer[name];
    if (found && are_ids(*found, vocab))
      config.set(key, *found);
    else
      unknown.push_back(key);
  }
  config = config.sorted();
  if (unknown.empty()) return "";
  const std::string who = read.problems().empty() ? "nothing in the checkpoint tells"
                                                  : fmt::format("{}; nothing else tells",
                                                                fmt::join(read.problems(), "; "));
  return fmt::format(
      "{} {}: transformers takes its defaults for this architecture, which may be other tokens; "
      "set "
      "{} in config.json",
      who, fmt::join(unknown, ", "), unknown.size() == 1 ? "it" : "them");
}

}  // namespace bascule
