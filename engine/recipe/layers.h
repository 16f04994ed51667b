// The files that make up a recipe, bases first: what each says, and where. Values.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "settings/tree.h"

namespace bascule {

/// One YAML file of settings.
struct RecipeLayer {
  std::string place;                    // "recipes/base/pretrain.yaml", or a file's path
  Tree values;                          // groups of settings, without `base`
  std::vector<std::string> bases = {};  // what `base` names; files by a path
  std::vector<KeyLine> lines = {};

  /// "recipes/base/pretrain.yaml:12"; without a line where the key has none.
  std::string place_of(const std::string& path) const;
};

/// Reads `recipe` (see resolve.h) and what it is based on. Each file comes once, after its own
/// bases, in the order in which it is first named. Throws Error{user} on a name that does not exist
/// and on files that are based on themselves, Error{format} on malformed ones.
std::vector<RecipeLayer> recipe_layers(const std::string& recipe);
/// The text of a recipe's file. Throws Error{environment} when it cannot be read.
std::string recipe_text(const std::filesystem::path& path);
/// The same as `recipe_layers` for the text of a recipe. Files that it names are relative to
/// `folder`.
std::vector<RecipeLayer> text_layers(const std::string& text, const std::string& place,
                                     const std::filesystem::path& folder);
/// The same for a name of the library, whatever it holds.
std::vector<RecipeLayer> library_layers(const std::string& name);

}  // namespace bascule
