// Aligned columns of text. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.h"

namespace bascule::cli {

struct Column {
  std::string heading;
  bool right = false;  ///< numbers
  bool wraps = false;  ///< gives way, at blanks, where the terminal is narrow
};

using Rows = std::vector<std::vector<std::string>>;

/// A table with headings, indented by two. Cells are made printable.
std::string table(const std::vector<Column>& columns, const Rows& rows, const Terminal& terminal);

/// Names and values, two columns without headings.
std::string listing(const Rows& rows, const Terminal& terminal);

}  // namespace bascule::cli
