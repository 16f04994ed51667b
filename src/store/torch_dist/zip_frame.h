// Writes a zip archive as torch.save does, from front to back: sizes are known, the CRC-32 of the
// one large record only after its data. A value; not for several threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/frame.h"

namespace bascule {

class ZipBuilder {
 public:
  /// Records are named `prefix`/name.
  explicit ZipBuilder(std::string prefix) : prefix_(std::move(prefix)) {}

  /// Adds a record, its data aligned to 64 bytes.
  void add(std::string_view name, std::string_view data);
  /// Adds the record whose data come later; at most one. The archive must stay below 4 GiB.
  void add_streamed(std::string_view name, int64_t bytes);
  /// Ends the archive: what lies around the streamed record. Without one `before` is all of it.
  Frame finish();

 private:
  struct Entry {
    std::string name;
    uint32_t crc, size, at;
    bool streamed;
  };

  std::string& out() { return streaming_ ? frame_.after : frame_.before; }
  int64_t position() const;
  void begin_record(std::string_view name, int64_t bytes, bool streamed);
  void end_record();

  std::string prefix_;
  Frame frame_;
  std::vector<Entry> entries_;
  bool streaming_ = false;
  int64_t streamed_bytes_ = 0;
};

}  // namespace bascule
