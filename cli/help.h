// The text of --help, read off the verbs.
#pragma once

#include <string>

#include "cli/verb.h"

namespace bascule::cli {

/// What bascule is, its verbs, its exit codes.
std::string overview(const Terminal& terminal);

/// One verb: usage, description, arguments, options, examples.
std::string verb_help(const Verb& verb, const Terminal& terminal);

/// The options of `invocation`, and those that every verb has, bound to `session`.
std::vector<Option> all_options(const Invocation& invocation, Session& session);

}  // namespace bascule::cli
