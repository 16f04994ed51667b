#include "recipe/library.h"

#include "base/check.h"
#include "base/shown.h"
#include "settings/nearest.h"

namespace bascule {
namespace {

// Where a name without a folder is looked for.
constexpr std::string_view kFolders[] = {"", "models/", "base/"};

}  // namespace

const LibraryRecipe& library_recipe(const std::string& name) {
  for (const std::string_view folder : kFolders)
    for (const LibraryRecipe& recipe : recipe_library())
      if (recipe.name == std::string(folder) + name) return recipe;
  std::vector<std::string> known = recipe_names();
  for (const LibraryRecipe& recipe : recipe_library())
    known.emplace_back(recipe.name.starts_with("base/") ? recipe.name.substr(5) : recipe.name);
  fail(Kind::user,
       "no recipe is named {}{} (the name of a file holds a slash or ends in .yaml: ./mine.yaml)",
       shown(name), did_you_mean(name, known));
}

std::string recipe_about(const std::string& name) {
  std::string about;
  std::string_view rest = library_recipe(name).text;
  while (rest.starts_with("# ")) {
    const size_t end = rest.find('\n');
    about += (about.empty() ? "" : " ") + std::string(rest.substr(2, end - 2));
    rest.remove_prefix(end + 1);
  }
  return about;
}

std::vector<std::string> recipe_names() {
  constexpr std::string_view models = "models/";
  std::vector<std::string> names;
  for (const LibraryRecipe& recipe : recipe_library())
    if (recipe.name.starts_with(models)) names.emplace_back(recipe.name.substr(models.size()));
  return names;
}

}  // namespace bascule
