#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/shown.h"
#include "cli/quantities.h"
#include "cli/verb.h"
#include "settings/nearest.h"

namespace bascule::cli {
namespace {

int64_t whole_number(const std::string& name, const std::string& text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  require(problem == std::errc() && stop == end, Kind::user, "{} takes a whole number, not {}",
          name, shown(text));
  return value;
}

}  // namespace

Option argument(std::string name, std::string help, std::string& into) {
  Option made = optional_argument(std::move(name), std::move(help), into);
  made.required = true;
  return made;
}

Option optional_argument(std::string name, std::string help, std::string& into) {
  Option made{
      .name = std::move(name), .value = {}, .help = std::move(help), .take = {}, .choices = {}};
  made.value = made.name;
  made.take = [&into, name = made.name](const std::string& text) {
    require(!text.empty(), Kind::user, "{} is empty", name);
    into = text;
  };
  return made;
}

Option flag(std::string name, std::string help, bool& into, bool stored) {
  return {.name = std::move(name),
          .value = {},
          .help = std::move(help),
          .take = [&into, stored](const std::string&) { into = stored; },
          .choices = {}};
}

Option text(std::string name, std::string value, std::string help, std::string& into) {
  return {.name = std::move(name),
          .value = std::move(value),
          .help = std::move(help),
          .take = [&into](const std::string& given) { into = given; },
          .choices = {}};
}

Option texts(std::string name, std::string value, std::string help,
             std::vector<std::string>& into) {
  return {.name = std::move(name),
          .value = std::move(value),
          .help = std::move(help),
          .take = [&into](const std::string& given) { into.push_back(given); },
          .choices = {},
          .repeatable = true};
}

Option choice(std::string name, std::string value, std::string help,
              std::vector<std::string> choices, std::string& into) {
  Option made = text(std::move(name), std::move(value), std::move(help), into);
  made.choices = std::move(choices);
  made.take = [&into, name = made.name, choices = made.choices](const std::string& given) {
    for (const std::string& one : choices)
      if (one == given) {
        into = given;
        return;
      }
    const std::string meant = did_you_mean(given, choices);
    std::string all;
    for (const std::string& one : choices) all += (all.empty() ? "" : ", ") + one;
    fail(Kind::user, "{} takes one of {}, not {}{}", name, all, shown(given), meant);
  };
  return made;
}

Option count(std::string name, std::string help, int64_t least, int64_t most, int64_t& into) {
  Option made{
      .name = std::move(name), .value = "N", .help = std::move(help), .take = {}, .choices = {}};
  made.take = [&into, least, most, name = made.name](const std::string& given) {
    const int64_t value = whole_number(name, given);
    require(value >= least && value <= most, Kind::user, "{} takes a number from {} to {}, not {}",
            name, least, most, value);
    into = value;
  };
  return made;
}

Option decimal(std::string name, std::string value, std::string help, double& into) {
  Option made{.name = std::move(name),
              .value = std::move(value),
              .help = std::move(help),
              .take = {},
              .choices = {}};
  made.take = [&into, name = made.name](const std::string& given) {
    double number = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
    require(error == std::errc() && end == given.data() + given.size() && number >= 0, Kind::user,
            "{} takes a number from 0 on, not {}", name, shown(given));
    into = number;
  };
  return made;
}

Option bytes(std::string name, std::string help, int64_t least, int64_t& into) {
  Option made{.name = std::move(name),
              .value = "BYTES",
              .help = std::move(help),
              .take = {},
              .choices = {}};
  made.take = [&into, least, name = made.name](const std::string& given) {
    const int64_t value = parse_bytes(name, given);
    require(value >= least, Kind::user, "{} takes at least {}, not {}", name, memory_text(least),
            shown(given));
    into = value;
  };
  return made;
}

}  // namespace bascule::cli
