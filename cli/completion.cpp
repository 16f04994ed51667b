#include "cli/completion.h"

#include <memory>

#include "base/check.h"
#include "cli/verb_table.h"

namespace bascule::cli {
namespace {

Invocation make() {
  auto shell = std::make_shared<std::string>();
  Option which = choice("SHELL", "SHELL", "bash, zsh or fish.", {"bash", "zsh", "fish"}, *shell);
  which.required = true;
  Invocation made;
  made.options = {which};
  made.run = [shell](const Session& session) -> Result {
    require(!session.json, Kind::user,
            "completion prints a script for a shell, which is no JSON; leave --json out");
    std::string script = *shell == "bash"  ? bash_completion()
                         : *shell == "zsh" ? zsh_completion()
                                           : fish_completion();
    return {.exit = 0, .out = std::move(script), .err = {}};
  };
  return made;
}

}  // namespace

Verb completion_verb() {
  return {
      .name = "completion",
      .summary = "Print a script that completes commands in a shell.",
      .description =
          "The script completes verbs, options, the values of options that have a list of them, "
          "and paths. Put the command of your shell into its start-up file (~/.bashrc, ~/.zshrc "
          "after compinit, ~/.config/fish/config.fish).",
      .examples =
          "# bash\n"
          "source <(bascule completion bash)\n\n"
          "# zsh\n"
          "source <(bascule completion zsh)\n\n"
          "# fish\n"
          "bascule completion fish | source",
      .make = make,
  };
}

}  // namespace bascule::cli
