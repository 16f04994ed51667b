// Reads the directory of a zip archive as torch.save writes it: stored records, zip64 if need be.
// Everything is checked against the archive's length before it is used. Not for several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bascule {

/// Fills a buffer from an offset, counted from the archive's first byte; never short.
using ReadAt = std::function<void(int64_t offset, std::span<std::byte> out)>;

struct ZipRecord {
  std::string name;
  int64_t header_at = 0;  // of its local header in the archive
  int64_t limit = 0;      // where the next record, or the central directory, begins
  int64_t size = 0;       // of its data
  uint32_t crc = 0;       // CRC-32 of its data, as the directory says
};

class ZipArchive {
 public:
  /// Reads the central directory. Throws Error{format} for whatever does not fit, and
  /// Error{unsupported} for compression, encryption and archives in parts.
  ZipArchive(ReadAt read, int64_t length);

  /// The records, in the order of the directory.
  const std::vector<ZipRecord>& records() const { return records_; }
  const ZipRecord* find(std::string_view name) const;

  /// Returns where the data of `record` begin, having checked its local header.
  int64_t data_at(const ZipRecord& record) const;
  /// Returns the data of `record`. Throws Error{format} when they are more than `limit` bytes.
  std::string data(const ZipRecord& record, int64_t limit) const;

 private:
  // What the end of the archive says about its central directory.
  struct Directory {
    uint64_t entries = 0, bytes = 0, at = 0;
    int64_t end = 0;  // the directory may not reach beyond this
  };

  Directory find_directory() const;
  std::string fetch(int64_t offset, int64_t size) const;
  void read_directory(int64_t at, int64_t size, uint64_t entries);
  void bound_records(int64_t directory_at);

  ReadAt read_;
  int64_t length_;
  std::string head_, tail_;  // the first and last bytes: most archives need no other read
  std::vector<ZipRecord> records_;
};

}  // namespace bascule
