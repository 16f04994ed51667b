// A recipe that a program changes, setting by setting: bascule.ConfigContainer of the Python
// package. Not thread-safe.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "recipe/resolve.h"

namespace bascule {

/// Where values come from that a program sets.
inline constexpr const char* kProgram = "python";

class Configuration {
 public:
  /// Begins with the text of a recipe; `place` is what messages call it, and files that it names
  /// are relative to the working directory. Throws as `resolve` does, but looks at each value
  /// alone.
  Configuration(const std::string& text, const std::string& place);
  /// The same for a file, and files beside it. Throws Error{environment} when it cannot be read.
  static Configuration of_file(const std::filesystem::path& path);

  /// Throws where there is no such setting, as Draft does.
  void require_setting(const std::string& path) const { draft_.accepted(path); }
  Tree get(const std::string& path) const { return draft_.get(path); }
  /// Throws Error{user} on a value that is not accepted, or none; `shown` is how it looks.
  void set(const std::string& path, const std::optional<Tree>& value, const std::string& shown);

  /// A recipe with the same bases and the values that were set on top of them.
  std::string yaml() const;
  /// Every value that is not unset by default, with its origin as a comment; nothing is checked.
  std::string annotated() const;
  /// Checks whether such a model is trained here, with its layout: part of what `resolve_text` of
  /// the YAML does.
  void check_model() const;

  /// The settings of a group, by name; "": those outside of groups.
  std::vector<std::string> names(const std::string& group) const { return draft_.names(group); }

 private:
  Configuration(const std::string& text, const std::string& place,
                const std::filesystem::path& folder);

  std::vector<std::string> bases_;
  Draft draft_;
};

}  // namespace bascule
