#include "recipe/configuration.h"

#include "base/check.h"
#include "recipe/check_settings.h"

namespace bascule {

Configuration::Configuration(const std::string& text, const std::string& place,
                             const std::filesystem::path& folder) {
  const std::vector<RecipeLayer> layers = text_layers(text, place, folder);
  for (size_t i = 0; i + 1 < layers.size(); ++i) draft_.apply(layers[i]);
  draft_.apply(layers.back(), Origin::Kind::program);
  bases_ = layers.back().bases;
}

Configuration::Configuration(const std::string& text, const std::string& place)
    : Configuration(text, place, std::filesystem::current_path()) {}

Configuration Configuration::of_file(const std::filesystem::path& path) {
  return {recipe_text(path), path.string(), std::filesystem::absolute(path).parent_path()};
}

void Configuration::set(const std::string& path, const std::optional<Tree>& value,
                        const std::string& shown) {
  require_setting(path);
  require(value && draft_.set(path, *value, {Origin::Kind::program, kProgram}), Kind::user,
          "{} is {}; accepted is {}", path, shown, draft_.accepted(path));
}

std::string Configuration::yaml() const {
  Tree recipe = Tree::map();
  Tree bases = Tree::list();
  for (const std::string& base : bases_) bases.push_back(base);
  if (!bases_.empty()) recipe.set("base", std::move(bases));
  for (const ResolvedValue& value : draft_.values()) {
    if (value.origin.kind != Origin::Kind::program) continue;
    const size_t dot = value.path.find('.');
    if (dot == std::string::npos) {
      recipe.set(value.path, value.value);
      continue;
    }
    const std::string group = value.path.substr(0, dot);
    if (!recipe.find(group)) recipe.set(group, Tree::map());
    recipe.find(group)->set(value.path.substr(dot + 1), value.value);
  }
  return to_yaml(recipe);
}

std::string Configuration::annotated() const {
  return to_annotated_yaml({.recipe = kProgram, .settings = {}, .values = draft_.values()});
}

void Configuration::check_model() const { bascule::check_model(draft_.settings().model); }

}  // namespace bascule
