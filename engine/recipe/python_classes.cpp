// The settings as Python classes: annotated fields with defaults, which are also the keywords of
// constructors, for type checkers and editors.
#include <fmt/format.h>

#include "recipe/known_keys.h"
#include "recipe/reference.h"
#include "recipe/settings.h"

namespace bascule {
namespace {

constexpr std::string_view kHead =
    R"("""The settings of a run in their groups; attributes are checked when they are set.

Written by `settings_reference --python` from engine/recipe/; change the texts there instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from bascule.group import Group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
)";
constexpr size_t kWidth = 100;

std::string type_named(const std::string& name) {
  if (name == "boolean") return "bool";
  if (name == "integer") return "int";
  if (name == "number") return "float";
  if (name == "null") return "None";
  if (name == "object") return "Mapping[str, str]";
  return name == "string" ? "str" : "Sequence[object]";
}

/// The type hint of what a JSON schema accepts.
std::string hint(const Tree& schema) {
  std::string text;
  const auto add = [&](const std::string& one) { text += (text.empty() ? "" : " | ") + one; };
  if (const Tree* each = schema.find("anyOf")) {
    for (const Tree& part : each->list_items()) add(hint(part));
    return text;
  }
  if (const Tree* names = schema.find("enum")) {
    for (const Tree& name : names->list_items())
      text += (text.empty() ? "Literal[" : ", ") + to_json(name);
    return text + "]";
  }
  const Tree& type = *schema.find("type");
  if (type.is_list()) {
    for (const Tree& name : type.list_items()) add(type_named(name.string()));
    return text;
  }
  const Tree* items = schema.find("items");
  return items ? "Sequence[" + hint(*items) + "]" : type_named(type.string());
}

std::string documented(const std::string& words) {
  std::string text = R"(    """)";
  size_t column = text.size();
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    if (column + (end - at) + 1 > kWidth - 3) {  // room for the closing quotes
      text += "\n   ";
      column = 3;
    }
    if (at > 0) text += ' ';
    text += words.substr(at, end - at);
    column += end - at + 1;
    at = end + 1;
  }
  return text + "\"\"\"\n";
}

std::string literal(const Tree& value) {
  if (value.is_null()) return "None";
  const std::string text = to_json(value, {.indent = -1});
  return text == "true" ? "True" : text == "false" ? "False" : text;
}

std::string member(std::string_view name, const Field& field, const std::string& words) {
  return fmt::format("    {}: {} = {}\n", name, hint(field.schema), literal(field.fallback)) +
         documented(words);
}

std::string members(const std::vector<Field>& fields, std::string_view group) {
  std::string text;
  for (const Field& field : fields)
    if (field.group() == group)
      text += member(field.name(), field,
                     fmt::format("{}. Accepted is {}.", field.help, field.accepted));
  for (const RenamedKey& row : renamed_keys())
    for (const Field& field : fields)
      if (field.path == row.ours && row.theirs.starts_with(std::string(group) + "."))
        text += member(row.theirs.substr(group.size() + 1), field,
                       fmt::format("Megatron's name of {}.", row.ours));
  return text;
}

std::string class_of(const std::string& group) {
  return static_cast<char>(group[0] - 'a' + 'A') + group.substr(1) + "Settings";
}

}  // namespace

std::string python_classes() {
  Settings settings;
  const std::vector<Field> fields = fields_of(settings);
  std::string text(kHead), all, table;
  for (const GroupInfo& group : groups()) {
    text += fmt::format("\n\nclass {}(Group):\n    \"\"\"{}.\"\"\"\n\n    _group = \"{}\"\n\n{}",
                        class_of(group.name), group.title, group.name, members(fields, group.name));
    all += fmt::format("    {}: {}\n    \"\"\"{}.\"\"\"\n", group.name, class_of(group.name),
                       group.title);
    table += fmt::format("        \"{}\": {},\n", group.name, class_of(group.name));
  }
  return text +
         "\n\nclass Settings(Group):\n    \"\"\"All groups of settings.\"\"\"\n\n"
         "    _groups: ClassVar[Mapping[str, type[Group]]] = {\n" +
         table + "    }\n\n" + members(fields, "") + all;
}

}  // namespace bascule
