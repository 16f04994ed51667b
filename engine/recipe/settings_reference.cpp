// Prints docs/settings.md, or with --schema docs/recipe.schema.json.
#include <cstdio>
#include <string_view>

#include "recipe/reference.h"

int main(int argc, char** argv) {
  const bool schema = argc == 2 && std::string_view(argv[1]) == "--schema";
  if (argc != 1 && !schema) {
    std::fputs("settings_reference [--schema]\n", stderr);
    return 2;
  }
  const std::string text =
      schema ? bascule::to_json(bascule::recipe_schema()) + "\n" : bascule::settings_reference();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 6;
}
