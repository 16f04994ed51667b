// A verb of the command line as a value: what it is called, what it takes, what it says about
// itself, and what runs it. verbs() is the list. Parsing, help, completion and the reference page
// are all read off these values. Used from one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"

namespace bascule::cli {

/// How the caller wants to be answered.
struct Session {
  bool json = false;   ///< one JSON object on stdout, nothing else there
  bool quiet = false;  ///< no progress, no summary
  Terminal out, err;
};

/// What a command leaves behind.
struct Result {
  int exit = 0;
  std::string out;  ///< for stdout
  std::string err;  ///< for stderr
};

/// An option ("--dtype") or a positional argument ("HF_DIR").
struct Option {
  std::string name;
  std::string value;  ///< what the help calls its value; empty for a flag
  std::string help;
  std::function<void(const std::string&)> take;  ///< stores the value; throws Error{user}
  std::vector<std::string> choices;              ///< the values there are; empty: any
  bool repeatable = false;
  bool required = false;

  bool flag() const { return value.empty(); }
  bool positional() const { return name.front() != '-'; }
};

// The kinds of options; each stores into the variable that it is given.
Option argument(std::string name, std::string help, std::string& into);
Option optional_argument(std::string name, std::string help, std::string& into);
Option flag(std::string name, std::string help, bool& into, bool stored = true);
Option text(std::string name, std::string value, std::string help, std::string& into);
Option texts(std::string name, std::string value, std::string help, std::vector<std::string>& into);
Option choice(std::string name, std::string value, std::string help,
              std::vector<std::string> choices, std::string& into);
Option count(std::string name, std::string help, int64_t least, int64_t most, int64_t& into);
/// From 0 on; fractions too.
Option decimal(std::string name, std::string value, std::string help, double& into);
Option bytes(std::string name, std::string help, int64_t least, int64_t& into);

/// A verb's options, bound to variables of its own, and what runs it once they are set.
struct Invocation {
  std::vector<Option> options;
  std::function<Result(const Session&)> run;
};

struct Verb {
  std::string_view name;
  std::string_view summary;      ///< one line in the list of verbs
  std::string_view description;  ///< paragraphs, parted by empty lines
  std::string_view examples;     ///< commands, each after a line "# what it does"
  Invocation (*make)();          ///< null: the verb runs in bascule-engine
  std::string_view usage = {};   ///< where make is null: what follows the name
};

const std::vector<Verb>& verbs();
const Verb* find_verb(std::string_view name);
std::vector<std::string> verb_names();

}  // namespace bascule::cli
