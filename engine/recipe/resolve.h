// From a recipe's name or file, with overrides, to settings that are whole and checked, each value
// with where it came from. Values; safe to use from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "recipe/check_settings.h"
#include "recipe/draft.h"

namespace bascule {

struct Resolved {
  std::string recipe;  // as it was asked for
  Settings settings;
  std::vector<ResolvedValue> values = {};  // of every setting, in the order of fields_of
  std::vector<std::string> notes = {};     // what someone should know: one sentence each
};

/// Resolves `recipe`: a name of the library, or a file where it holds "/" or ends in ".yaml". Later
/// overrides ("optimizer.lr=1e-3") win; those of the environment variable BASCULE_OVERRIDES are
/// applied last. Throws Error{user} on unknown keys and values that are not accepted, Error{format}
/// on malformed YAML, Error{unsupported} on what Megatron has and this engine lacks.
Resolved resolve(const std::string& recipe, const std::vector<std::string>& overrides = {});
/// The same with the text of BASCULE_OVERRIDES given: depends on nothing but its arguments and
/// files.
Resolved resolve(const std::string& recipe, const std::vector<std::string>& overrides,
                 std::string_view environment);

/// Resolves the text of a recipe that a program made: its own values come from `place`, without a
/// line. A file that it is based on is looked for in the working directory. BASCULE_OVERRIDES is
/// applied last; errors as above.
Resolved resolve_text(const std::string& text, const std::string& place,
                      ModelFrom from = ModelFrom::settings);

/// Every value that is not unset by default.
std::vector<ResolvedValue> shown_values(const Resolved& resolved);

/// YAML that resolves to the same settings: the shown values, each with its origin as a comment.
std::string to_annotated_yaml(const Resolved& resolved);

/// The settings that a recipe of the library gives the value that it inherits, or the default.
std::vector<std::string> redundant_keys(const std::string& name);

}  // namespace bascule
