// Settings that are being filled in, layer by layer or by a program, with where each value came
// from. Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "recipe/layers.h"
#include "recipe/settings.h"

namespace bascule {

/// Where a value came from.
struct Origin {
  enum class Kind { fallback, recipe, argument, program, environment };
  Kind kind = Kind::fallback;
  std::string place;  // "recipes/base/pretrain.yaml:12", "override", "BASCULE_OVERRIDES", "default"
};

struct ResolvedValue {
  std::string path;  // "optimizer.lr"
  Tree value;
  Origin origin;
};

/// All functions that take a name throw Error{user} on one that is none, with the nearest, and
/// Error{unsupported} on one that Megatron has and this engine lacks.
class Draft {
 public:
  Draft();
  Draft(const Draft& other);
  Draft& operator=(const Draft&) = delete;

  /// Takes all that a file says. Throws Error{user} on a value that is not accepted.
  void apply(const RecipeLayer& layer, Origin::Kind kind = Origin::Kind::recipe);
  /// Takes "optimizer.lr=1e-3", as `apply`.
  void apply(const std::string& text, Origin::Kind kind, const std::string& place);

  /// Whether a value is accepted by a setting; it has it then.
  bool set(const std::string& path, const Tree& value, Origin origin);
  /// What a setting accepts, in words.
  const std::string& accepted(const std::string& path) const;
  Tree get(const std::string& path) const;

  /// Names of a group's settings; "": of those outside of groups.
  std::vector<std::string> names(std::string_view group) const;

  const Settings& settings() const { return settings_; }
  /// Every setting, in the order of fields_of.
  std::vector<ResolvedValue> values() const;

 private:
  size_t find(const std::string& path, std::string_view place = {}) const;
  std::string meant(const std::string& path) const;
  bool is_group(const std::string& name) const;
  void take(const std::string& path, const Tree& value, const Origin& origin);

  Settings settings_;
  std::vector<Field> fields_;
  std::vector<GroupInfo> groups_;
  std::vector<Origin> origins_;
  std::unordered_map<std::string, size_t> by_path_;
};

}  // namespace bascule
