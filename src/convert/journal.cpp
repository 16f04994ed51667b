#include "convert/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace bascule {
namespace {

/// Takes the text up to the next space, or all that is left, off `line`.
std::string_view next_word(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

template <class Number>
bool read_number(std::string_view word, Number& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size();
}

}  // namespace

Marks parse_journal(std::string_view text, size_t files) {
  Marks marks{std::vector<std::vector<Mark>>(files), 0};
  for (size_t end; (end = text.find('\n', marks.end)) != text.npos; marks.end = end + 1) {
    std::string_view line = text.substr(marks.end, end - marks.end);
    size_t index = 0;
    Mark mark;
    if (!read_number(next_word(line), index) || index >= files ||
        !read_number(next_word(line), mark.bytes) || mark.bytes <= 0)
      break;
    try {
      mark.hash = hash_from_hex(line);
    } catch (const Error&) {
      break;
    }
    std::vector<Mark>& before = marks.of[index];
    if (!before.empty() && before.back().bytes >= mark.bytes) break;
    before.push_back(mark);
  }
  return marks;
}

std::string journal_line(size_t file, const Mark& mark) {
  return fmt::format("{} {} {}\n", file, mark.bytes, mark.hash.hex());
}

Journal::Journal(const std::filesystem::path& path, size_t files) {
  file_ = File::modify(path);
  std::string text(static_cast<size_t>(file_.size()), '\0');
  file_.pread_exact(0, std::as_writable_bytes(std::span(text.data(), text.size())));
  Marks found = parse_journal(text, files);
  marks_ = std::move(found.of);
  end_ = static_cast<int64_t>(found.end);
  file_.resize(end_);
}

void Journal::add(size_t index, const Mark& mark) {
  const std::string line = journal_line(index, mark);
  file_.pwrite_all(end_, as_bytes(line));
  end_ += static_cast<int64_t>(line.size());
  marks_[index].push_back(mark);
}

int64_t resume_point(const File& file, const std::vector<Mark>& marks, Hasher& hasher) {
  constexpr int64_t kStep = int64_t{1} << 20;
  std::vector<std::byte> buffer(static_cast<size_t>(kStep));
  const int64_t size = file.size();
  const auto hash_range = [&](int64_t at, int64_t end) {
    for (; at < end; at += kStep) {
      const auto part = std::span(buffer).first(static_cast<size_t>(std::min(kStep, end - at)));
      file.pread_exact(at, part);
      hasher.update(part);
    }
  };
  int64_t good = 0;
  for (const Mark& mark : marks) {
    if (mark.bytes > size) break;
    hash_range(good, mark.bytes);
    if (hasher.hash() != mark.hash) {  // start over up to the last good mark
      hasher.reset();
      hash_range(0, good);
      return good;
    }
    good = mark.bytes;
  }
  return good;
}

}  // namespace bascule
