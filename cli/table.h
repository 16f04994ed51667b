// Aligned columns of text. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"

namespace bascule::cli {

struct Column {
  std::string heading;
  bool right = false;  ///< numbers
  bool wraps = false;  ///< gives way, at blanks, where the terminal is narrow
};

using Rows = std::vector<std::vector<std::string>>;

/// A line of text, made printable, that begins with `start`; where a terminal is too narrow it goes
/// on below, indented.
std::string line(std::string_view start, std::string_view text, const Terminal& terminal);

/// A table with headings, indented by two. Cells are made printable.
std::string table(const std::vector<Column>& columns, const Rows& rows, const Terminal& terminal);

/// Names and values, two columns without headings.
std::string listing(const Rows& rows, const Terminal& terminal);

}  // namespace bascule::cli
