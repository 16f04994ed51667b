#include "recipe/resolve.h"

#include <cstdlib>
#include <unordered_map>

#include "base/check.h"
#include "base/shown.h"
#include "recipe/check_settings.h"
#include "recipe/known_keys.h"
#include "recipe/layers.h"
#include "recipe/overrides.h"
#include "settings/nearest.h"

namespace bascule {
namespace {

constexpr const char* kVariable = "BASCULE_OVERRIDES";

/// Settings that are being filled in, with where each value came from.
class Resolver {
 public:
  explicit Resolver(Settings& settings) : fields_(fields_of(settings)), groups_(groups()) {
    for (size_t i = 0; i < fields_.size(); ++i) by_path_[fields_[i].path] = i;
    origins_.assign(fields_.size(), Origin{Origin::Kind::fallback, "default"});
  }

  void apply(const RecipeLayer& layer) {
    for (const Tree::Entry& entry : layer.values.entries()) {
      const std::string place = layer.place_of(entry.key);
      if (by_path_.contains(entry.key) || !is_group(entry.key)) {
        set(entry.key, entry.value, {Origin::Kind::recipe, place});
        continue;
      }
      if (entry.value.is_null()) continue;  // a group whose keys are all comments
      require(entry.value.is_map(), Kind::user, "{}: {} is {}; accepted is a map of settings",
              place, entry.key, brief(entry.value));
      for (const Tree::Entry& inner : entry.value.entries()) {
        const std::string path = entry.key + "." + inner.key;
        set(path, inner.value, {Origin::Kind::recipe, layer.place_of(path)});
      }
    }
  }

  void apply(const std::string& text, Origin::Kind kind, const std::string& place) {
    const Override given = parse_override(text);
    const size_t at = find(given.key, place);
    require(take_value(given.value, fields_[at].set), Kind::user, "{}: {} is {}; accepted is {}",
            place, given.key, shown(given.value), fields_[at].accepted);
    origins_[at] = {kind, place};
  }

  std::vector<ResolvedValue> values() const {
    std::vector<ResolvedValue> all;
    for (size_t i = 0; i < fields_.size(); ++i)
      all.push_back({fields_[i].path, fields_[i].get(), origins_[i]});
    return all;
  }

 private:
  bool is_group(const std::string& name) const {
    for (const GroupInfo& group : groups_)
      if (group.name == name) return true;
    return false;
  }

  void set(const std::string& path, const Tree& value, Origin origin) {
    const size_t at = find(path, origin.place);
    require(fields_[at].set(value), Kind::user, "{}: {} is {}; accepted is {}", origin.place, path,
            brief(value), fields_[at].accepted);
    origins_[at] = std::move(origin);
  }

  size_t find(const std::string& path, const std::string& place) const {
    const auto found = by_path_.find(std::string(name_here(path)));
    if (found != by_path_.end()) return found->second;
    const std::string_view why = why_unsupported(path);
    require(why.empty(), Kind::unsupported,
            "{}: {} is a setting of Megatron's that does not exist here: {}", place, path, why);
    require(!is_group(path), Kind::user, "{}: {} is a group of settings; name one of them: {}.{}",
            place, path, path, first_of(path));
    fail(Kind::user, "{}: {} is no setting{}", place, shown(path), meant(path));
  }

  std::string first_of(const std::string& group) const {
    for (const Field& field : fields_)
      if (field.group() == group) return std::string(field.name());
    return "";
  }

  /// "; did you mean optimizer.lr?", also for "lr" alone and for a name in the wrong group.
  std::string meant(const std::string& path) const {
    const std::string name = path.substr(path.rfind('.') + 1);
    std::vector<std::string> paths, names;
    for (const Field& field : fields_) {
      if (field.name() == name) return "; did you mean " + field.path + "?";
      paths.push_back(field.path);
      names.emplace_back(field.name());
    }
    if (std::string hint = did_you_mean(path, paths); !hint.empty()) return hint;
    const std::string near = nearest(name, names);
    for (const Field& field : fields_)
      if (!near.empty() && field.name() == near) return "; did you mean " + field.path + "?";
    return "";
  }

  std::vector<Field> fields_;
  std::vector<GroupInfo> groups_;
  std::vector<Origin> origins_;
  std::unordered_map<std::string, size_t> by_path_;
};

}  // namespace

Resolved resolve(const std::string& recipe, const std::vector<std::string>& overrides) {
  const char* environment = std::getenv(kVariable);
  return resolve(recipe, overrides, environment ? environment : "");
}

Resolved resolve(const std::string& recipe, const std::vector<std::string>& overrides,
                 std::string_view environment) {
  Resolved resolved{.recipe = recipe, .settings = {}};
  Resolver resolver(resolved.settings);
  for (const RecipeLayer& layer : recipe_layers(recipe)) resolver.apply(layer);
  for (const std::string& text : overrides)
    resolver.apply(text, Origin::Kind::argument, "override");
  const std::vector<std::string> words =
      in_context(kVariable, [&] { return split_words(environment); });
  for (const std::string& text : words) resolver.apply(text, Origin::Kind::environment, kVariable);
  resolved.values = resolver.values();
  resolved.notes =
      in_context("recipe " + recipe, [&] { return check_settings(resolved.settings); });
  return resolved;
}

std::vector<std::string> redundant_keys(const std::string& name) {
  const std::vector<RecipeLayer> layers = library_layers(name);
  Settings settings;
  Resolver resolver(settings);
  for (size_t i = 0; i + 1 < layers.size(); ++i) resolver.apply(layers[i]);
  const std::vector<ResolvedValue> before = resolver.values();
  resolver.apply(layers.back());
  const std::vector<ResolvedValue> after = resolver.values();
  std::vector<std::string> found;
  for (size_t i = 0; i < after.size(); ++i)
    if (after[i].origin.place.starts_with(layers.back().place + ":") &&
        after[i].value == before[i].value)
      found.push_back(after[i].path);
  return found;
}

}  // namespace bascule
