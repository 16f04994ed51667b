// Resolved settings as YAML, each with its origin.
#include <algorithm>
#include <iterator>

#include "recipe/resolve.h"

namespace bascule {
namespace {

// Comments stand in one column where values are shorter.
constexpr size_t kColumn = 56;

std::string on_line(const Tree& value) {
  if (value.is_list() || value.is_map()) return to_json(value, {.indent = -1});
  std::string text = to_yaml(value);
  text.pop_back();  // its line end
  return text;
}

}  // namespace

std::vector<ResolvedValue> shown_values(const Resolved& resolved) {
  std::vector<ResolvedValue> shown;
  std::ranges::copy_if(resolved.values, std::back_inserter(shown), [](const ResolvedValue& each) {
    return !each.value.is_null() || each.origin.kind != Origin::Kind::fallback;
  });
  return shown;
}

std::string to_annotated_yaml(const Resolved& resolved) {
  std::string text = "# bascule train " + resolved.recipe + "\n";
  std::string_view group;
  for (const ResolvedValue& value : shown_values(resolved)) {
    const size_t dot = value.path.find('.');
    std::string line = value.path.substr(dot == std::string::npos ? 0 : dot + 1);
    if (dot != std::string::npos) {
      const std::string_view own = std::string_view(value.path).substr(0, dot);
      if (own != group) text += std::string(own) + ":\n";
      group = own;
      line = "  " + line;
    }
    line += ": " + on_line(value.value);
    line.resize(std::max(line.size(), kColumn), ' ');
    text += line + "  # " + value.origin.place + "\n";
  }
  return text;
}

}  // namespace bascule
