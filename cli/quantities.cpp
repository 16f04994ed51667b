#include "cli/quantities.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/check.h"
#include "base/shown.h"

namespace bascule::cli {
namespace {

constexpr std::array kUnits = {"", "k", "M", "G", "T", "P"};

std::string scaled(double value, double step, std::string_view unit) {
  size_t power = 0;
  // 999.5 would be shown as 1000 of the smaller unit.
  while (value >= 999.5 && power + 1 < kUnits.size()) value /= step, ++power;
  const std::string prefix = power == 1 && step == 1024 ? "K" : kUnits[power];  // kB, but KiB
  const bool whole = value == std::floor(value);
  const int decimals = whole || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}{}{}", value, decimals, prefix,
                     step == 1024 && power > 0 ? "i" : "", unit);
}

}  // namespace

int64_t parse_bytes(std::string_view option, const std::string& text) {
  size_t digits = text.find_first_not_of("0123456789.");
  if (digits == std::string::npos) digits = text.size();
  const std::string number = text.substr(0, digits);
  std::string unit = text.substr(digits);
  for (char& c : unit) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));

  constexpr std::string_view kLetters = "kmgt";
  int shift = 0;
  bool good = !number.empty() && number.size() < 20;
  if (!unit.empty() && unit != "b") {
    const size_t at = kLetters.find(unit.front());
    good = good && at != std::string_view::npos;
    shift = 10 * (static_cast<int>(at) + 1);
    const std::string rest = unit.substr(1);
    good = good && (rest.empty() || rest == "b" || rest == "ib");
  }
  char* end = nullptr;
  const double value = good ? std::strtod(number.c_str(), &end) : 0;
  good = good && *end == '\0' && value >= 0;
  const double bytes = good ? std::ldexp(value, shift) : 0;
  require(good && bytes < 9e18, Kind::user, "{} takes bytes such as 150M or 1G, not {}", option,
          shown(text));
  return static_cast<int64_t>(bytes);
}

std::string data_text(int64_t bytes) { return scaled(static_cast<double>(bytes), 1000, "B"); }

std::string memory_text(int64_t bytes) { return scaled(static_cast<double>(bytes), 1024, "B"); }

std::string rate_text(double bytes_per_second) { return scaled(bytes_per_second, 1000, "B/s"); }

std::string seconds_text(double seconds) {
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(std::min(seconds + 0.5, 3.6e9));
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02} h", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string grouped(int64_t number) {
  std::string digits = fmt::format("{}", number);
  const size_t first = digits.front() == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string counted(int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
}

}  // namespace bascule::cli
