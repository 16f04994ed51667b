// The recipes under recipes/, compiled in. Constant; safe to use from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bascule {

struct LibraryRecipe {
  std::string_view name;  // its path below recipes/ without .yaml: "models/llama32_1b"
  std::string_view text;
};

/// All of them, sorted by name.
std::span<const LibraryRecipe> recipe_library();

/// The recipe of a name as people give it: "llama32_1b" is models/llama32_1b, "pretrain" is
/// base/pretrain. Throws Error{user}, naming the nearest, when there is none.
const LibraryRecipe& library_recipe(const std::string& name);

/// What the comment says that a recipe opens with, on one line.
std::string recipe_about(const std::string& name);

/// The names of the recipes that are models, as people give them.
std::vector<std::string> recipe_names();

}  // namespace bascule
