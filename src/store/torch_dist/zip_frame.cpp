#include "store/torch_dist/zip_frame.h"

#include "base/check.h"
#include "base/crc.h"
#include "base/file.h"
#include "store/torch_dist/zip_layout.h"

namespace bascule {
namespace {

constexpr int64_t kAlignment = 64;

}  // namespace

int64_t ZipBuilder::position() const {
  return static_cast<int64_t>(frame_.before.size()) + streamed_bytes_ +
         static_cast<int64_t>(frame_.after.size());
}

// torch marks every record that has data with a descriptor behind them, and leaves the sizes in
// front zero; an empty record has no descriptor.
void ZipBuilder::begin_record(std::string_view name, int64_t bytes, bool streamed) {
  const std::string full = fmt::format("{}/{}", prefix_, name);
  const int64_t at = position();
  require(bytes >= 0 && bytes < int64_t{zip::kMany32} - at - 4096, Kind::internal,
          "a zip record of {} bytes at byte {} needs an archive of 4 GiB", bytes, at);
  const int64_t unaligned = at + zip::kLocalBytes + static_cast<int64_t>(full.size()) + 4;
  const auto padding = static_cast<uint16_t>((kAlignment - unaligned % kAlignment) % kAlignment);
  const uint16_t flags = zip::kUtf8 | (bytes != 0 ? zip::kHasDescriptor : uint16_t{0});
  zip::append(out(), zip::kLocalHeader, uint16_t{0}, flags, uint16_t{0}, uint32_t{0}, uint32_t{0},
              uint32_t{0}, uint32_t{0}, static_cast<uint16_t>(full.size()),
              static_cast<uint16_t>(padding + 4));
  out() += full;
  zip::append(out(), zip::kPadding, padding);
  out().append(padding, 'Z');
  entries_.push_back({full, 0, static_cast<uint32_t>(bytes), static_cast<uint32_t>(at), streamed});
}

void ZipBuilder::end_record() {
  const Entry& entry = entries_.back();
  if (entry.size == 0) return;
  zip::append(out(), zip::kDescriptor);
  if (entry.streamed) frame_.crc_at.push_back(static_cast<uint32_t>(out().size()));
  zip::append(out(), entry.crc, entry.size, entry.size);
}

void ZipBuilder::add(std::string_view name, std::string_view data) {
  begin_record(name, static_cast<int64_t>(data.size()), false);
  entries_.back().crc = crc32(0, as_bytes(data));
  out() += data;
  end_record();
}

void ZipBuilder::add_streamed(std::string_view name, int64_t bytes) {
  require(!streaming_, Kind::internal, "a second streamed record in a zip archive: {}", name);
  begin_record(name, bytes, bytes != 0);
  streaming_ = true;
  streamed_bytes_ = bytes;
  end_record();
}

Frame ZipBuilder::finish() {
  const int64_t directory_at = position();
  for (const Entry& entry : entries_) {
    const uint16_t flags = zip::kUtf8 | (entry.size != 0 ? zip::kHasDescriptor : uint16_t{0});
    zip::append(out(), zip::kCentralHeader, uint16_t{0}, uint16_t{0}, flags, uint16_t{0},
                uint32_t{0});
    if (entry.streamed) frame_.crc_at.push_back(static_cast<uint32_t>(out().size()));
    zip::append(out(), entry.crc, entry.size, entry.size, static_cast<uint16_t>(entry.name.size()),
                uint16_t{0}, uint16_t{0}, uint16_t{0}, uint16_t{0}, uint32_t{0}, entry.at);
    out() += entry.name;
  }
  const auto entries = static_cast<uint16_t>(entries_.size());
  zip::append(out(), zip::kEnd, uint16_t{0}, uint16_t{0}, entries, entries,
              static_cast<uint32_t>(position() - directory_at), static_cast<uint32_t>(directory_at),
              uint16_t{0});
  return std::move(frame_);
}

}  // namespace bascule
