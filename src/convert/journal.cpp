#include "convert/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/check.h"

namespace bascule {

Journal::Journal(const std::filesystem::path& path, size_t files) : marks_(files) {
  file_ = File::modify(path);
  std::string text(static_cast<size_t>(file_.size()), '\0');
  file_.pread_exact(0, std::as_writable_bytes(std::span(text.data(), text.size())));
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::istringstream line(text.substr(begin, end - begin));
    size_t index = 0;
    Mark mark;
    std::string hex;
    if (!(line >> index >> mark.bytes >> hex) || index >= files || mark.bytes <= 0) break;
    try {
      mark.hash = hash_from_hex(hex);
    } catch (const Error&) {
      break;
    }
    if (!marks_[index].empty() && marks_[index].back().bytes >= mark.bytes) break;
    marks_[index].push_back(mark);
  }
  end_ = static_cast<int64_t>(begin);
  file_.resize(end_);
}

void Journal::add(size_t index, const Mark& mark) {
  const std::string line = fmt::format("{} {} {}\n", index, mark.bytes, mark.hash.hex());
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
