#include "recipe/overrides.h"

#include <optional>

#include "base/check.h"
#include "base/shown.h"

namespace bascule {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

/// What stands in YAML for something else than its own text.
bool is_yaml_only(const std::string& value) {
  return value.empty() || value == "null" || value == "~" ||
         std::string_view("'\"[{").find(value[0]) != std::string_view::npos;
}

/// The value as YAML; none where it is not.
std::optional<Tree> as_yaml(const std::string& value) {
  try {
    return parse_yaml(value, "override");
  } catch (const Error& error) {
    if (error.kind() != Kind::format) throw;
    return std::nullopt;
  }
}

}  // namespace

Override parse_override(std::string_view text) {
  const size_t equals = text.find('=');
  require(equals != std::string_view::npos && equals > 0, Kind::user,
          "override {}: an override is key=value, as in optimizer.lr=1e-3", shown(text));
  std::string key(text.substr(0, equals));
  require(key[0] != '+' && key[0] != '~', Kind::user,
          "override {}: Hydra's prefixes + and ~ are not needed; write key=value, or key=null",
          shown(text));
  return {std::move(key), std::string(text.substr(equals + 1))};
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  bool within = false;
  char quote = 0;
  for (const char c : text) {
    const bool space = quote == 0 && kSpace.find(c) != std::string_view::npos;
    if (space) {
      within = false;
      continue;
    }
    if (!within) words.emplace_back();
    within = true;
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else {
      words.back() += c;
    }
  }
  require(quote == 0, Kind::user, "{} has a quote without an end", shown(text));
  return words;
}

bool take_value(const std::string& value, const std::function<bool(const Tree&)>& take) {
  const std::optional<Tree> yaml = as_yaml(value);
  if (yaml && is_yaml_only(value)) return take(*yaml);
  return take(Tree(value)) || (yaml && take(*yaml));
}

}  // namespace bascule
