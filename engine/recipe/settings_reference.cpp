// Prints docs/settings.md, with --schema docs/recipe.schema.json, with --python
// python/bascule/settings.py.
#include <cstdio>
#include <string>
#include <string_view>

#include "recipe/reference.h"

int main(int argc, char** argv) {
  const std::string_view which = argc == 2 ? argv[1] : "";
  if (argc > 2 || (argc == 2 && which != "--schema" && which != "--python")) {
    std::fputs("settings_reference [--schema | --python]\n", stderr);
    return 2;
  }
  const std::string text = which == "--schema"   ? bascule::to_json(bascule::recipe_schema()) + "\n"
                           : which == "--python" ? bascule::python_classes()
                                                 : bascule::settings_reference();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 6;
}
