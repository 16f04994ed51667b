#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace bascule::cli {

std::string Terminal::in(std::string_view code, std::string_view text) const {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

int columns_of(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

Terminal look_at(int descriptor) {
  if (::isatty(descriptor) == 0) return {};
  const char* kind = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  const bool dumb = kind == nullptr || std::string_view(kind) == "dumb";
  return {.live = !dumb,
          .colour = !dumb && (no_colour == nullptr || *no_colour == '\0'),
          .columns = columns_of(descriptor)};
}

std::string printable(std::string_view text, bool lines) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, which some terminals take for control characters, begin with C2.
    const bool high =
        c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (high) ++i;
    const bool control = (c < 0x20 && !(lines && c == '\n')) || c == 0x7F || high;
    out += control ? '?' : static_cast<char>(c);
  }
  return out;
}

size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::vector<std::string> wrapped(std::string_view text, size_t columns) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    std::string& line = lines.back();
    if (line.empty())
      line = word;
    else if (width_of(line) + 1 + width_of(word) <= columns)
      line.append(" ").append(word);
    else
      lines.emplace_back(word);
  }
  return lines;
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = ::write(descriptor, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && errno == EPIPE) return false;
    require(done >= 0 || errno != EBADF, Kind::environment,
            "cannot write the output: stdout is closed; open it, or ask for none with --quiet");
    if (done < 0) fail(Kind::environment, "cannot write the output: {}", std::strerror(errno));
    text.remove_prefix(static_cast<size_t>(done));
  }
  return true;
}

void say(std::string_view text) {
  try {
    write_all(STDERR_FILENO, text);
  } catch (const Error&) {
    return;
  }
}

}  // namespace bascule::cli
