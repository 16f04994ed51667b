#include "recipe/draft.h"

#include "base/check.h"
#include "base/shown.h"
#include "recipe/known_keys.h"
#include "recipe/overrides.h"
#include "settings/nearest.h"

namespace bascule {
namespace {

/// How a message begins that is about a place.
std::string prefix(std::string_view place) {
  return place.empty() ? "" : std::string(place) + ": ";
}

}  // namespace

Draft::Draft() : fields_(fields_of(settings_)), groups_(groups()) {
  for (size_t i = 0; i < fields_.size(); ++i) by_path_[fields_[i].path] = i;
  origins_.assign(fields_.size(), Origin{Origin::Kind::fallback, "default"});
}

// The fields refer to the settings of this one.
Draft::Draft(const Draft& other) : Draft() {
  settings_ = other.settings_;
  origins_ = other.origins_;
}

void Draft::apply(const RecipeLayer& layer, Origin::Kind kind) {
  for (const Tree::Entry& entry : layer.values.entries()) {
    const std::string place = layer.place_of(entry.key);
    if (by_path_.contains(entry.key) || !is_group(entry.key)) {
      take(entry.key, entry.value, {kind, place});
      continue;
    }
    if (entry.value.is_null()) continue;  // a group whose keys are all comments
    require(entry.value.is_map(), Kind::user, "{}: {} is {}; accepted is a map of settings", place,
            entry.key, brief(entry.value));
    for (const Tree::Entry& inner : entry.value.entries()) {
      const std::string path = entry.key + "." + inner.key;
      take(path, inner.value, {kind, layer.place_of(path)});
    }
  }
}

void Draft::apply(const std::string& text, Origin::Kind kind, const std::string& place) {
  const Override given = parse_override(text);
  const size_t at = find(given.key, place);
  require(take_value(given.value, fields_[at].set), Kind::user, "{}: {} is {}; accepted is {}",
          place, given.key, shown(given.value), fields_[at].accepted);
  origins_[at] = {kind, place};
}

bool Draft::set(const std::string& path, const Tree& value, Origin origin) {
  const size_t at = find(path);
  if (!fields_[at].set(value)) return false;
  origins_[at] = std::move(origin);
  return true;
}

const std::string& Draft::accepted(const std::string& path) const {
  return fields_[find(path)].accepted;
}

Tree Draft::get(const std::string& path) const { return fields_[find(path)].get(); }

std::vector<std::string> Draft::names(std::string_view group) const {
  std::vector<std::string> names;
  for (const Field& field : fields_)
    if (field.group() == group) names.emplace_back(field.name());
  return names;
}

std::vector<ResolvedValue> Draft::values() const {
  std::vector<ResolvedValue> all;
  for (size_t i = 0; i < fields_.size(); ++i)
    all.push_back({fields_[i].path, fields_[i].get(), origins_[i]});
  return all;
}

bool Draft::is_group(const std::string& name) const {
  for (const GroupInfo& group : groups_)
    if (group.name == name) return true;
  return false;
}

void Draft::take(const std::string& path, const Tree& value, const Origin& origin) {
  const size_t at = find(path, origin.place);
  require(fields_[at].set(value), Kind::user, "{}: {} is {}; accepted is {}", origin.place, path,
          brief(value), fields_[at].accepted);
  origins_[at] = origin;
}

size_t Draft::find(const std::string& path, std::string_view place) const {
  const auto found = by_path_.find(std::string(name_here(path)));
  if (found != by_path_.end()) return found->second;
  const std::string_view why = why_unsupported(path);
  require(why.empty(), Kind::unsupported,
          "{}{} is a setting of Megatron's that does not exist here: {}", prefix(place), path, why);
  if (is_group(path))
    fail(Kind::user, "{}{} is a group of settings; name one of them: {}.{}", prefix(place), path,
         path, names(path)[0]);
  fail(Kind::user, "{}{} is no setting{}", prefix(place), shown(path), meant(path));
}

/// "; did you mean optimizer.lr?", also for "lr" alone and for a name in the wrong group.
std::string Draft::meant(const std::string& path) const {
  const std::string name = path.substr(path.rfind('.') + 1);
  std::vector<std::string> paths, names;
  for (const Field& field : fields_) {
    if (field.name() == name) return "; did you mean " + field.path + "?";
    paths.push_back(field.path);
    names.emplace_back(field.name());
  }
  for (const GroupInfo& group : groups_) paths.push_back(group.name);
  if (std::string hint = did_you_mean(path, paths); !hint.empty()) return hint;
  const std::string near = nearest(name, names);
  for (const Field& field : fields_)
    if (!near.empty() && field.name() == near) return "; did you mean " + field.path + "?";
  return "";
}

}  // namespace bascule
