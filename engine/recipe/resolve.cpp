#include "recipe/resolve.h"

#include <cstdlib>

#include "base/check.h"
#include "recipe/overrides.h"

namespace bascule {
namespace {

constexpr const char* kVariable = "BASCULE_OVERRIDES";

std::string overrides_of_the_environment() {
  const char* set = std::getenv(kVariable);
  return set ? set : "";
}

Resolved resolve_layers(const std::string& recipe, const std::vector<RecipeLayer>& layers,
                        const std::vector<std::string>& overrides, std::string_view environment,
                        ModelFrom from = ModelFrom::settings) {
  Draft draft;
  for (const RecipeLayer& layer : layers) draft.apply(layer);
  for (const std::string& text : overrides) draft.apply(text, Origin::Kind::argument, "override");
  const std::vector<std::string> words =
      in_context(kVariable, [&] { return split_words(environment); });
  for (const std::string& text : words) draft.apply(text, Origin::Kind::environment, kVariable);
  Resolved resolved{.recipe = recipe, .settings = draft.settings(), .values = draft.values()};
  resolved.notes =
      in_context("recipe " + recipe, [&] { return check_settings(resolved.settings, from); });
  return resolved;
}

}  // namespace

Resolved resolve(const std::string& recipe, const std::vector<std::string>& overrides) {
  return resolve(recipe, overrides, overrides_of_the_environment());
}

Resolved resolve(const std::string& recipe, const std::vector<std::string>& overrides,
                 std::string_view environment) {
  return resolve_layers(recipe, recipe_layers(recipe), overrides, environment);
}

Resolved resolve_text(const std::string& text, const std::string& place, ModelFrom from) {
  std::vector<RecipeLayer> layers = text_layers(text, place, {});
  layers.back().lines.clear();
  return resolve_layers(place, layers, {}, overrides_of_the_environment(), from);
}

std::vector<std::string> redundant_keys(const std::string& name) {
  const std::vector<RecipeLayer> layers = library_layers(name);
  Draft draft;
  for (size_t i = 0; i + 1 < layers.size(); ++i) draft.apply(layers[i]);
  const std::vector<ResolvedValue> before = draft.values();
  draft.apply(layers.back());
  const std::vector<ResolvedValue> after = draft.values();
  std::vector<std::string> found;
  for (size_t i = 0; i < after.size(); ++i)
    if (after[i].origin.place.starts_with(layers.back().place + ":") &&
        after[i].value == before[i].value)
      found.push_back(after[i].path);
  return found;
}

}  // namespace bascule
