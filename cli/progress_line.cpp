#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/progress.h"
#include "cli/quantities.h"

namespace bascule::cli {
namespace {

constexpr int kWidestBar = 30, kNarrowestBar = 8;

double fraction(const Moment& moment) {
  return std::clamp(static_cast<double>(moment.done) / static_cast<double>(moment.total), 0.0, 1.0);
}

/// What is known besides the name, the most important first; of steady width, for a line that is
/// drawn again and again.
std::vector<std::string> facts(const Moment& moment) {
  std::vector<std::string> known;
  if (moment.total > 0) {
    known.push_back(fmt::format("{:3.0f}%", std::floor(100 * fraction(moment))));
    known.push_back(fmt::format("{:>7} of {}", data_text(moment.done), data_text(moment.total)));
  } else if (moment.done > 0) {
    known.push_back(fmt::format("{:>7}", data_text(moment.done)));
  }
  if (moment.rate <= 0) return known;
  known.push_back(fmt::format("{:>9}", rate_text(moment.rate)));
  if (moment.total > moment.done) {
    const double left = static_cast<double>(moment.total - moment.done) / moment.rate;
    known.push_back(fmt::format("{:>6} left", seconds_text(left)));
  }
  return known;
}

std::string bar(double part, int columns) {
  const int inside = columns - 2;
  const int full = static_cast<int>(part * inside);
  std::string out(static_cast<size_t>(full), '=');
  if (full < inside) out += '>';
  out.resize(static_cast<size_t>(inside), ' ');
  return "[" + out + "]";
}

}  // namespace

std::string live_line(const std::string& name, std::optional<double> part,
                      const std::vector<std::string>& facts, int columns) {
  const auto room = static_cast<size_t>(std::max(columns, 1));
  std::string line = name, tail;
  for (const std::string& fact : facts) {
    if (width_of(line) + width_of(tail) + 2 + width_of(fact) > room) break;
    tail += "  " + fact;
  }
  const int left = static_cast<int>(room - std::min(room, width_of(line) + tail.size() + 2));
  if (part && left >= kNarrowestBar) line += "  " + bar(*part, std::min(left, kWidestBar));
  line += tail;
  if (line.size() > room) line.resize(room);
  return line;
}

std::string live_line(const Moment& moment, int columns) {
  const auto part = moment.total > 0 ? std::optional(fraction(moment)) : std::nullopt;
  return live_line(moment.phase, part, facts(moment), columns);
}

std::string log_line(const Moment& moment) {
  std::string line = moment.phase;
  if (moment.total > 0 && moment.done == 0) return line + ", " + data_text(moment.total);
  const char* join = ": ";
  for (const std::string& fact : facts(moment)) {
    line += join + fact.substr(fact.find_first_not_of(' '));
    join = ", ";
  }
  return line;
}

}  // namespace bascule::cli
