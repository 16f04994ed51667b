#include "recipe/reference.h"

#include <fmt/format.h>

#include "recipe/known_keys.h"
#include "recipe/library.h"
#include "recipe/settings.h"

namespace bascule {
namespace {

constexpr std::string_view kOpening = R"(# Settings and recipes

<!-- Written by settings_reference from engine/recipe/; change the texts there instead. -->

`bascule train RECIPE [key=value …]` takes a recipe of the library (see the end of this page) or a file, whose name holds
a slash or ends in `.yaml`:

```yaml
base: [llama32_1b]          # recipes of the library; files beside this one by name.yaml
train:
  train_iters: 1000
dataset:
  blend: [[data/web, data/code], [0.7, 0.3]]
checkpoint:
  save: runs/first
  load: runs/first
```

A recipe states what differs from its bases. They are applied in their order, each once, then the recipe itself, then
overrides (`optimizer.lr=1e-3`, `train.rampup_batch_size=[16,8,3000]`, `mixed_precision=null`), then those of the
environment variable `BASCULE_OVERRIDES`, separated by spaces. `bascule train RECIPE --dry-run` prints each value with
where it came from.

Names and defaults are those of Megatron Bridge 0.3.1, unless the text says otherwise. A setting of Megatron's that does
not exist here is an error that says why, an unknown name one that gives the nearest.

)";

std::string json_of(const Tree& value) {
  return value.is_null() ? "null" : to_json(value, {.indent = -1});
}

/// Text in a cell of a table.
std::string cell(std::string text) {
  for (size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
    text.insert(at, "\\");
  return text;
}

std::string table(const std::vector<Field>& fields, std::string_view group) {
  std::string text = "| setting | default | accepts | |\n|---|---|---|---|\n";
  for (const Field& field : fields)
    if (field.group() == group)
      text += fmt::format("| `{}` | `{}` | {} | {} |\n", field.name(), json_of(field.fallback),
                          cell(field.accepted), cell(field.help));
  return text + "\n";
}

std::string recipes() {
  std::string text = "## The library\n\n| recipe | |\n|---|---|\n";
  for (const std::string& name : recipe_names())
    text += fmt::format("| `{}` | {} |\n", name, cell(recipe_about(name)));
  return text + "\n";
}

std::string refused() {
  std::string text =
      "## Settings of Megatron's that do not exist here\n\n| settings | why |\n|---|---|\n";
  for (const UnsupportedKeys& row : unsupported_keys()) {
    std::string names;
    for (const std::string& name : row.names)
      names += (names.empty() ? "`" : ", `") +
               (row.group.empty() ? "" : std::string(row.group) + ".") + name + "`";
    text += fmt::format("| {} | {} |\n", names, cell(std::string(row.why)));
  }
  return text + "\n";
}

std::string renamed() {
  std::string text = "Also taken under Megatron's other names:";
  for (const RenamedKey& row : renamed_keys())
    text += fmt::format("{} `{}` for `{}`", text.back() == ':' ? "" : ",", row.theirs, row.ours);
  return text + ".\n";
}

}  // namespace

std::string settings_reference() {
  Settings settings;
  const std::vector<Field> fields = fields_of(settings);
  std::string text(kOpening);
  text += table(fields, "");
  for (const GroupInfo& group : groups())
    text += fmt::format("## `{}`: {}\n\n", group.name, group.title) + table(fields, group.name);
  return text + recipes() + refused() + renamed();
}

Tree recipe_schema() {
  const auto described = [](const Field& field) {
    Tree schema = field.schema;
    schema.set("description", field.help);
    schema.set("default", field.fallback);
    return schema;
  };
  Settings settings;
  const std::vector<Field> fields = fields_of(settings);
  const Tree name = Tree::map({{"type", "string"}});
  Tree properties = Tree::map();
  properties.set(
      "base",
      Tree::map({{"description", "recipes that this one changes"},
                 {"anyOf", Tree::list({name, Tree::map({{"type", "array"}, {"items", name}})})}}));
  for (const Field& field : fields)
    if (field.group().empty()) properties.set(field.path, described(field));
  for (const GroupInfo& group : groups()) {
    Tree members = Tree::map();
    for (const Field& field : fields)
      if (field.group() == group.name) members.set(field.name(), described(field));
    properties.set(group.name, Tree::map({{"type", Tree::list({"object", "null"})},
                                          {"description", group.title},
                                          {"properties", std::move(members)},
                                          {"additionalProperties", false}}));
  }
  return Tree::map({{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                    {"title", "A recipe of bascule"},
                    {"type", "object"},
                    {"properties", std::move(properties)},
                    {"additionalProperties", false}});
}

std::string settings_help(std::string_view part) {
  Settings settings;
  bool is_group = false;
  for (const GroupInfo& group : groups()) is_group = is_group || group.name == part;
  std::string text;
  for (const Field& field : fields_of(settings)) {
    const bool wanted =
        is_group ? field.group() == part : field.path.find(part) != std::string::npos;
    if (wanted)
      text += fmt::format("  {}={}\n      {}\n", field.path, json_of(field.fallback), field.help);
  }
  return text;
}

}  // namespace bascule
