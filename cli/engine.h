// Verbs that run in bascule-engine, the program that links torch.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/verb.h"

namespace bascule::cli {

/// Where bascule-engine may lie: beside this program, in ../libexec/bascule, in build/engine/ next
/// to build/<preset>/, then the folders of PATH.
std::vector<std::filesystem::path> engine_places();

/// The first of them that can be run; empty when there is none.
std::filesystem::path find_engine();

/// Becomes the engine, with these words. Returns only where there is no engine.
void exec_engine(const Verb& verb, const std::vector<std::string>& words);

/// Throws Error{unsupported} with the command that builds the engine.
[[noreturn]] void refuse_without_engine(const Verb& verb);

}  // namespace bascule::cli
