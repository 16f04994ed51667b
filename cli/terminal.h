// Where text goes: its width, whether it may be coloured. Values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bascule::cli {

struct Terminal {
  bool live = false;    ///< a person looks at it, and lines can be redrawn
  bool colour = false;  ///< a terminal, and NO_COLOR is not set
  int columns = 0;      ///< 0: not a terminal, lines may be of any length

  std::string bold(std::string_view text) const { return in("1", text); }
  std::string red(std::string_view text) const { return in("1;31", text); }
  std::string green(std::string_view text) const { return in("32", text); }
  std::string yellow(std::string_view text) const { return in("33", text); }

 private:
  std::string in(std::string_view code, std::string_view text) const;
};

/// Looks at an open file: 1 is stdout, 2 is stderr.
Terminal look_at(int descriptor);
/// The width of a terminal now; it may have been resized.
int columns_of(int descriptor);

/// Returns `text` as one that can be shown: control characters, which could steer a terminal,
/// become "?"; line ends stay only where `lines`.
std::string printable(std::string_view text, bool lines = false);

/// How many columns a UTF-8 text takes, every character counted as one.
size_t width_of(std::string_view text);

/// Breaks a text at blanks into lines of at most `columns`; a longer word stays whole.
std::vector<std::string> wrapped(std::string_view text, size_t columns);

/// Writes all of it. False when the reader has gone (EPIPE); other failures throw
/// Error{environment}.
bool write_all(int descriptor, std::string_view text);

/// Writes to stderr. That it fails is nothing that could be said.
void say(std::string_view text);

}  // namespace bascule::cli
