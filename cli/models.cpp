#include <fmt/format.h>

#include "bascule/bridge.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/verb_table.h"

namespace bascule::cli {
namespace {

std::string models_text(const std::vector<FamilyInfo>& families, const Terminal& terminal) {
  Rows rows;
  std::string unconfirmed;
  for (const FamilyInfo& family : families) {
    rows.push_back({family.name, fmt::format("{}", fmt::join(family.architectures, " ")),
                    family.models, family.supported ? "supported" : "sketched"});
    for (const std::string& fact : family.unconfirmed)
      unconfirmed += printable(fmt::format("  {}: {}", family.name, fact)) + "\n";
  }
  std::string out = table({{.heading = "FAMILY"},
                           {.heading = "ARCHITECTURES", .wraps = true},
                           {.heading = "MODELS", .wraps = true},
                           {.heading = "STATE"}},
                          rows, terminal);
  if (!unconfirmed.empty())
    out += "\n" + terminal.bold("Values that no source confirms") + "\n" + unconfirmed;
  return out;
}

Invocation make() {
  Invocation made;
  made.run = [](const Session& session) -> Result {
    const std::vector<FamilyInfo> families = models();
    if (session.json) return {.exit = 0, .out = models_json(families), .err = {}};
    if (session.quiet) return {};
    return {.exit = 0, .out = models_text(families, session.out), .err = {}};
  };
  return made;
}

}  // namespace

Verb models_verb() {
  return {
      .name = "models",
      .summary = "List the model families, and what each supports.",
      .description =
          "A family is recognised by the \"architectures\" of config.json. Supported ones convert "
          "both ways; of sketched ones the names and shapes are known and tested, but no verb "
          "takes "
          "them yet. Values that no source confirms are listed below the table.",
      .examples =
          "# Which models can be converted?\n"
          "bascule models\n\n"
          "# For a program\n"
          "bascule models --json",
      .make = make,
  };
}

}  // namespace bascule::cli
