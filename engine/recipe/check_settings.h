// What single settings cannot know: whether they fit each other. Pure.
#pragma once

#include <string>
#include <vector>

#include "recipe/settings.h"

namespace bascule {

/// What says which model is trained: settings or a checkpoint, or a program, which has it.
enum class ModelFrom { settings, program };

/// Throws Error{user} where settings contradict each other or one that is required is missing, and
/// Error{unsupported} on what is not built yet. Returns what someone should know all the same, one
/// sentence each.
std::vector<std::string> check_settings(const Settings& settings,
                                        ModelFrom from = ModelFrom::settings);

/// Throws Error{unsupported} where settings ask for what only Python serves.
void check_without_python(const Settings& settings);

/// The same for how the model is run alone.
void check_model(const ModelSettings& model);

}  // namespace bascule
