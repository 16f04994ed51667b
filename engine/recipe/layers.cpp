#include "recipe/layers.h"

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "base/file.h"
#include "recipe/library.h"

namespace bascule {

std::string recipe_text(const std::filesystem::path& path) {
  constexpr int64_t most_bytes = int64_t{1} << 20;
  return read_small_file(path, most_bytes);
}

namespace {

constexpr size_t kMostFiles = 64;

struct Found {
  std::string place;
  std::string text;
  std::filesystem::path folder;  // what files that it names are relative to
};

bool is_file(const std::string& recipe) {
  return recipe.find('/') != std::string::npos || recipe.ends_with(".yaml");
}

Found library_file(const std::string& name) {
  const LibraryRecipe& recipe = library_recipe(name);
  return {"recipes/" + std::string(recipe.name) + ".yaml", std::string(recipe.text), {}};
}

Found recipe_file(const std::filesystem::path& path) {
  return {path.string(), recipe_text(path), path.parent_path()};
}

class Reader {
 public:
  void add(const Found& found) {
    require(std::find(open_.begin(), open_.end(), found.place) == open_.end(), Kind::user,
            "{}: the recipe is based on itself", found.place);
    for (const RecipeLayer& layer : layers)
      if (layer.place == found.place) return;
    require(layers.size() + open_.size() < kMostFiles, Kind::user,
            "{}: the recipe is made of more than {} files", found.place, kMostFiles);
    RecipeLayer layer{.place = found.place, .values = {}};
    layer.values = parse_yaml(found.text, found.place, layer.lines);
    if (layer.values.is_null()) layer.values = Tree::map();  // nothing but comments
    require(layer.values.is_map(), Kind::format, "{}: {} where a map of settings is needed",
            found.place, describe(layer.values.type()));
    const Tree base = layer.values.find("base") ? *layer.values.find("base") : Tree();
    layer.values.erase("base");
    open_.push_back(found.place);
    for (const std::string& name : names(base, layer)) {
      const bool file = name.ends_with(".yaml");  // beside this one; else it is the library's
      layer.bases.push_back(file ? (found.folder / name).string() : name);
      add(file ? recipe_file(layer.bases.back()) : library_file(name));
    }
    open_.pop_back();
    layers.push_back(std::move(layer));
  }

  std::vector<RecipeLayer> layers;

 private:
  static std::vector<std::string> names(const Tree& base, const RecipeLayer& layer) {
    if (base.is_null()) return {};
    const Tree list = base.is_list() ? base : Tree::list({base});
    std::vector<std::string> names;
    for (const Tree& name : list.list_items()) {
      require(name.type() == Tree::Type::string, Kind::user,
              "{}: base is {}; accepted is a recipe's name, or a list of names",
              layer.place_of("base"), brief(base));
      names.push_back(name.string());
    }
    return names;
  }

  std::vector<std::string> open_;  // files whose bases are being read
};

}  // namespace

std::string RecipeLayer::place_of(const std::string& path) const {
  for (const KeyLine& key : lines)
    if (key.path == path) return fmt::format("{}:{}", place, key.line);
  return place;
}

std::vector<RecipeLayer> recipe_layers(const std::string& recipe) {
  if (!is_file(recipe)) return library_layers(recipe);
  Reader reader;
  reader.add(recipe_file(recipe));
  return std::move(reader.layers);
}

std::vector<RecipeLayer> text_layers(const std::string& text, const std::string& place,
                                     const std::filesystem::path& folder) {
  Reader reader;
  reader.add({place, text, folder});
  return std::move(reader.layers);
}

std::vector<RecipeLayer> library_layers(const std::string& name) {
  Reader reader;
  reader.add(library_file(name));
  return std::move(reader.layers);
}

}  // namespace bascule
