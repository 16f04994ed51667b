// The executor's record of how far each file is: lines of {file, bytes, hash of these first bytes}.
//
// What a line says was written before the line was. A reader trusts nothing: it re-hashes the
// bytes.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/hash.h"

namespace bascule {

/// The first `bytes` of a file had this hash when they were written.
struct Mark {
  int64_t bytes = 0;
  Hash hash;
  bool operator==(const Mark&) const = default;
};

/// What the text of a record says.
struct Marks {
  std::vector<std::vector<Mark>> of;  // each file's, ascending
  size_t end = 0;                     // of the last line that makes sense
};

/// Lines that make no sense (a torn last one) end the record. A pure function.
Marks parse_journal(std::string_view text, size_t files);

/// One line, with its end.
std::string journal_line(size_t file, const Mark& mark);

class Journal {
 public:
  /// Opens the record, creating it when absent, and cuts off what makes no sense.
  Journal(const std::filesystem::path& path, size_t files);

  /// The marks of file `index`, ascending.
  const std::vector<Mark>& marks(size_t index) const { return marks_[index]; }
  /// Adds a mark. Not thread-safe.
  void add(size_t index, const Mark& mark);

 private:
  File file_;
  int64_t end_ = 0;
  std::vector<std::vector<Mark>> marks_;
};

/// Re-hashes the beginning of `file` into `hasher` and returns how many bytes of it are good: the
/// farthest mark whose hash holds. `hasher` has then seen exactly these bytes.
int64_t resume_point(const File& file, const std::vector<Mark>& marks, Hasher& hasher);

}  // namespace bascule
