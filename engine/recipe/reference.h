// All settings for people and for editors: texts made from the fields. Pure.
#pragma once

#include <string>
#include <string_view>

#include "settings/tree.h"

namespace bascule {

/// The page docs/settings.md.
std::string settings_reference();

/// A JSON schema (draft 2020-12) of recipes.
Tree recipe_schema();

/// The module bascule.settings: a class of each group, with the types of its settings.
std::string python_classes();

/// For --help: the settings of one group ("optimizer"), or those whose name holds `part`; all
/// where it is empty. A line for each with its default, then what it does.
std::string settings_help(std::string_view part);

}  // namespace bascule
