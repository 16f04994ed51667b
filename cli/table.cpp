#include "cli/table.h"

#include <algorithm>
#include <numeric>

namespace bascule::cli {
namespace {

constexpr size_t kGap = 2;

std::string padded(const std::string& cell, size_t width, bool right) {
  const std::string blanks(width - std::min(width, width_of(cell)), ' ');
  return right ? blanks + cell : cell + blanks;
}

std::vector<size_t> natural_widths(const std::vector<Column>& columns, const Rows& rows) {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns.size(); ++c) {
    size_t width = width_of(columns[c].heading);
    for (const auto& row : rows) width = std::max(width, width_of(row[c]));
    widths.push_back(width);
  }
  return widths;
}

/// The least width of a column that gives way: its longest word's.
size_t least_width(const std::vector<Column>& columns, const Rows& rows, size_t column) {
  size_t least = width_of(columns[column].heading);
  for (const auto& row : rows)
    for (const std::string& word : wrapped(row[column], 0)) least = std::max(least, width_of(word));
  return least;
}

/// Takes what is too much from the widest column that can give way, again and again.
void narrow(std::vector<size_t>& widths, const std::vector<Column>& columns, const Rows& rows,
            size_t room) {
  std::vector<size_t> least = widths;
  for (size_t c = 0; c < columns.size(); ++c)
    if (columns[c].wraps) least[c] = least_width(columns, rows, c);
  size_t total = std::accumulate(widths.begin(), widths.end(), kGap * widths.size());
  for (; total > room; --total) {
    size_t widest = columns.size();
    for (size_t c = 0; c < columns.size(); ++c)
      if (widths[c] > least[c] && (widest == columns.size() || widths[c] > widths[widest]))
        widest = c;
    if (widest == columns.size()) return;
    --widths[widest];
  }
}

std::string row_text(const std::vector<Column>& columns, const std::vector<size_t>& widths,
                     const std::vector<std::string>& row) {
  std::vector<std::vector<std::string>> cells;
  size_t height = 1;
  for (size_t c = 0; c < columns.size(); ++c) {
    cells.push_back(columns[c].wraps ? wrapped(row[c], widths[c])
                                     : std::vector<std::string>{row[c]});
    height = std::max(height, cells.back().size());
  }
  std::string out;
  for (size_t h = 0; h < height; ++h) {
    for (size_t c = 0; c < columns.size(); ++c)
      out.append(kGap, ' ').append(
          padded(h < cells[c].size() ? cells[c][h] : "", widths[c], columns[c].right));
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

std::string body(const std::vector<Column>& columns, Rows rows, const Terminal& terminal,
                 bool headings) {
  for (auto& row : rows)
    for (std::string& cell : row) cell = printable(cell);
  std::vector<size_t> widths = natural_widths(columns, rows);
  if (terminal.columns > 0) narrow(widths, columns, rows, static_cast<size_t>(terminal.columns));
  std::string out;
  if (headings) {
    std::vector<std::string> names;
    names.reserve(columns.size());
    for (const Column& column : columns) names.push_back(column.heading);
    std::string top = row_text(columns, widths, names);
    top.pop_back();
    out = terminal.bold(top) + '\n';
  }
  for (const auto& row : rows) out += row_text(columns, widths, row);
  return out;
}

}  // namespace

std::string line(std::string_view start, std::string_view text, const Terminal& terminal) {
  constexpr int kIndent = 4;
  const std::string clean = std::string(start) + printable(text);
  if (terminal.columns <= kIndent || width_of(clean) <= static_cast<size_t>(terminal.columns))
    return clean + "\n";
  std::string out(start.substr(0, start.find_first_not_of(' ')));
  const char* join = "";
  for (const std::string& part : wrapped(clean, static_cast<size_t>(terminal.columns - kIndent))) {
    out += join + part;
    join = "\n    ";
  }
  return out + "\n";
}

std::string table(const std::vector<Column>& columns, const Rows& rows, const Terminal& terminal) {
  return body(columns, rows, terminal, true);
}

std::string listing(const Rows& rows, const Terminal& terminal) {
  return body({{.heading = {}}, {.heading = {}, .wraps = true}}, rows, terminal, false);
}

}  // namespace bascule::cli
