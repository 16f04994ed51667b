// A file that is replaced in two steps: first what can fail for want of room, then a rename.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace bascule {

class StagedFile {
 public:
  /// Writes the bytes, and `more` behind them, durably under another name beside `path`. The parent
  /// must exist.
  StagedFile(std::filesystem::path path, std::string_view bytes,
             std::span<const std::byte> more = {});
  /// What was not placed is removed.
  ~StagedFile();
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;

  /// Gives them the name, durably: a reader sees the old bytes or the new, also after a power loss.
  void place();

 private:
  std::filesystem::path path_, parent_, temporary_;
  bool placed_ = false;
};

}  // namespace bascule
