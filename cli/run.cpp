#include "cli/run.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "bascule/bridge.h"
#include "base/check.h"
#include "base/interrupt.h"
#include "base/shown.h"
#include "cli/engine.h"
#include "cli/failure.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "cli/verb.h"
#include "settings/nearest.h"

namespace bascule::cli {
namespace {

using Words = std::vector<std::string>;

Result run_verb(const Verb& verb, const Words& words, Session& session) {
  if (verb.make == nullptr) exec_engine(verb, words);  // returns where there is none
  if (mentions(words, "--help") || mentions(words, "-h"))
    return {.exit = 0, .out = verb_help(verb, session.out), .err = {}};
  if (verb.make == nullptr) refuse_without_engine(verb);
  const Invocation invocation = verb.make();
  parse(verb.name, all_options(invocation, session), words);
  catch_interrupts();
  return invocation.run(session);
}

const Verb* named(const std::vector<Verb>& verbs, std::string_view name) {
  for (const Verb& verb : verbs)
    if (verb.name == name) return &verb;
  return nullptr;
}

Result dispatch(const Words& words, const std::vector<Verb>& verbs, Session& session) {
  if (words.empty()) return {.exit = 2, .out = {}, .err = overview(session.err)};
  const std::string& first = words.front();
  const Words rest(words.begin() + 1, words.end());
  if (first == "--version") return {.exit = 0, .out = "bascule " + version() + "\n", .err = {}};
  if (first == "--help" || first == "-h" || (first == "help" && rest.empty()))
    return {.exit = 0, .out = overview(session.out), .err = {}};
  if (first == "help") return dispatch({rest.front(), "--help"}, verbs, session);

  const Verb* verb = named(verbs, first);
  if (verb == nullptr) {
    const bool option = first.size() > 1 && first.front() == '-';
    const Words names = option ? Words{"--help", "--version"} : verb_names();
    require(std::ranges::find(names, first) == names.end(), Kind::user,
            "{} is a verb of bascule, not of this program; run \"bascule {}\"", first, first);
    const std::string meant = did_you_mean(first, names);
    fail(Kind::user, "unknown {} {}{}", option ? "option" : "verb", shown(first),
         meant.empty() ? "; \"bascule --help\" lists all" : meant);
  }
  return run_verb(*verb, rest, session);
}

/// Writes the result; that itself may fail, on a full disk for instance.
int deliver(const Result& result, const Terminal& err) {
  say(result.err);
  const Result written = guarded(
      [&result] {
        const bool all = write_all(STDOUT_FILENO, result.out);
        // A reader who has seen enough is told nothing, but the exit code says that it was not all.
        return Result{
            .exit = all || result.exit != 0 ? result.exit : 128 + SIGPIPE, .out = {}, .err = {}};
      },
      false, err);
  say(written.err);
  return written.exit;
}

}  // namespace

int run(const Words& words) { return run(words, verbs()); }

int run(const Words& words, const std::vector<Verb>& table) {
  ::signal(SIGPIPE, SIG_IGN);  // work goes on when nobody reads about it
  ::signal(SIGXFSZ, SIG_IGN);  // a file beyond `ulimit -f` is an error to tell, not a death
  Session session{.out = look_at(STDOUT_FILENO), .err = look_at(STDERR_FILENO)};
  const bool json = mentions(words, "--json");  // known even where parsing fails
  return deliver(guarded([&] { return dispatch(words, table, session); }, json, session.err),
                 session.err);
}

}  // namespace bascule::cli
