#include "store/torch_dist/zip.h"

#include <algorithm>
#include <unordered_set>

#include "base/check.h"
#include "store/torch_dist/plain_name.h"
#include "store/torch_dist/zip_layout.h"

namespace bascule {
namespace {

using zip::Fields;

constexpr int64_t kWindow = 1024;  // of head_ and tail_
constexpr int64_t kLargestDirectory = int64_t{16} << 20;

// Says whether `bytes` at `at` end at or before `end`.
bool fits(uint64_t at, uint64_t bytes, int64_t end) {
  const auto limit = static_cast<uint64_t>(end);
  return end >= 0 && bytes <= limit && at <= limit - bytes;
}

}  // namespace

std::string ZipArchive::fetch(int64_t offset, int64_t size) const {
  const int64_t tail_at = length_ - static_cast<int64_t>(tail_.size());
  if (offset + size <= static_cast<int64_t>(head_.size()))
    return head_.substr(static_cast<size_t>(offset), static_cast<size_t>(size));
  if (offset >= tail_at)
    return tail_.substr(static_cast<size_t>(offset - tail_at), static_cast<size_t>(size));
  std::string bytes(static_cast<size_t>(size), '\0');
  read_(offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

ZipArchive::ZipArchive(ReadAt read, int64_t length) : read_(std::move(read)), length_(length) {
  require(length >= zip::kEndBytes, Kind::format,
          "{} bytes are too few for a zip archive: truncated", length);
  std::string window(static_cast<size_t>(std::min(length, kWindow)), '\0');
  read_(0, std::as_writable_bytes(std::span(window)));
  head_ = window;
  if (length > kWindow) read_(length - kWindow, std::as_writable_bytes(std::span(window)));
  tail_ = std::move(window);

  const Directory directory = find_directory();
  require(fits(directory.at, directory.bytes, directory.end), Kind::format,
          "the zip directory is said to be {} bytes at byte {} of {}", directory.bytes,
          directory.at, length);
  require(directory.bytes <= static_cast<uint64_t>(kLargestDirectory), Kind::format,
          "a zip directory of {} bytes; more than {} are refused", directory.bytes,
          kLargestDirectory);
  read_directory(static_cast<int64_t>(directory.at), static_cast<int64_t>(directory.bytes),
                 directory.entries);
  bound_records(static_cast<int64_t>(directory.at));
}

ZipArchive::Directory ZipArchive::find_directory() const {
  Directory directory;
  directory.end = length_ - zip::kEndBytes;
  const std::string end = fetch(directory.end, zip::kEndBytes);
  Fields fields(end);
  require(fields.u32() == zip::kEnd, Kind::format,
          "no zip archive ends at byte {}: truncated, or not written by torch.save", length_);
  const uint16_t disk = fields.u16(), directory_disk = fields.u16(), here = fields.u16();
  directory.entries = fields.u16();
  directory.bytes = fields.u32();
  directory.at = fields.u32();
  const uint16_t comment = fields.u16();
  require(disk == 0 && directory_disk == 0 && here == directory.entries, Kind::unsupported,
          "a zip archive in several parts");
  require(comment == 0, Kind::format, "the zip archive says that a comment of {} bytes follows it",
          comment);
  if (directory.entries != zip::kMany16 && directory.bytes != zip::kMany32 &&
      directory.at != zip::kMany32)
    return directory;

  const int64_t locator_at = directory.end - zip::kLocatorBytes;
  require(locator_at >= 0, Kind::format, "the zip64 locator is missing");
  const std::string locator = fetch(locator_at, zip::kLocatorBytes);
  Fields place(locator);
  require(place.u32() == zip::kEnd64Locator, Kind::format, "the zip64 locator is missing");
  require(place.u32() == 0, Kind::unsupported, "a zip archive in several parts");
  const uint64_t end64_at = place.u64();
  require(fits(end64_at, zip::kEnd64Bytes, locator_at), Kind::format,
          "the zip64 end record is said to be at byte {} of {}", end64_at, length_);
  const std::string end64 = fetch(static_cast<int64_t>(end64_at), zip::kEnd64Bytes);
  Fields wide(end64);
  require(wide.u32() == zip::kEnd64, Kind::format, "no zip64 end record at byte {}", end64_at);
  wide.skip(8 + 2 + 2);
  const uint32_t disk64 = wide.u32(), directory_disk64 = wide.u32();
  const uint64_t here64 = wide.u64();
  directory.entries = wide.u64();
  directory.bytes = wide.u64();
  directory.at = wide.u64();
  directory.end = static_cast<int64_t>(end64_at);
  require(disk64 == 0 && directory_disk64 == 0 && here64 == directory.entries, Kind::unsupported,
          "a zip archive in several parts");
  return directory;
}

void ZipArchive::read_directory(int64_t at, int64_t size, uint64_t entries) {
  require(entries <= static_cast<uint64_t>(size / zip::kCentralBytes), Kind::format,
          "a zip directory of {} bytes cannot hold {} records", size, entries);
  const std::string bytes = fetch(at, size);
  std::string_view rest = bytes;
  records_.reserve(entries);
  for (uint64_t i = 0; i < entries; ++i) {
    require(rest.size() >= static_cast<size_t>(zip::kCentralBytes), Kind::format,
            "the zip directory ends within its record {}", i);
    Fields fields(rest);
    require(fields.u32() == zip::kCentralHeader, Kind::format,
            "record {} of the zip directory has a wrong signature", i);
    fields.skip(4);
    const uint16_t flags = fields.u16(), method = fields.u16();
    fields.skip(4);
    ZipRecord record;
    record.crc = fields.u32();
    uint64_t stored = fields.u32(), size_of_data = fields.u32();
    const uint16_t name_bytes = fields.u16(), extra_bytes = fields.u16(),
                   comment_bytes = fields.u16();
    const uint16_t disk = fields.u16();
    fields.skip(6);
    uint64_t header_at = fields.u32();
    rest.remove_prefix(static_cast<size_t>(zip::kCentralBytes));
    require(size_t{name_bytes} + extra_bytes + comment_bytes <= rest.size(), Kind::format,
            "the zip directory ends within its record {}", i);
    record.name = rest.substr(0, name_bytes);
    require_plain_name("a zip record", record.name);
    std::string_view extra = rest.substr(name_bytes, extra_bytes);
    rest.remove_prefix(size_t{name_bytes} + extra_bytes + comment_bytes);

    while (extra.size() >= 4) {
      Fields head(extra);
      const uint16_t id = head.u16(), field_bytes = head.u16();
      require(field_bytes <= head.left(), Kind::format,
              "an extra field of zip record \"{}\" is longer than its place", record.name);
      Fields wide(extra.substr(4, field_bytes));
      extra.remove_prefix(size_t{4} + field_bytes);
      if (id != zip::kExtra64) continue;
      for (uint64_t* value : {&size_of_data, &stored, &header_at}) {
        if (*value != zip::kMany32) continue;
        require(wide.left() >= 8, Kind::format, "zip record \"{}\" lacks its 64-bit sizes",
                record.name);
        *value = wide.u64();
      }
    }
    require((flags & zip::kEncrypted) == 0, Kind::unsupported, "zip record \"{}\" is encrypted",
            record.name);
    require(method == 0, Kind::unsupported,
            "zip record \"{}\" is compressed (method {}); torch.save stores", record.name, method);
    require(disk == 0, Kind::unsupported, "a zip archive in several parts");
    require(stored == size_of_data, Kind::format,
            "zip record \"{}\" is stored, but of {} bytes {} are", record.name, size_of_data,
            stored);
    require(fits(header_at, zip::kLocalBytes, at) && fits(size_of_data, 0, at), Kind::format,
            "zip record \"{}\" of {} bytes is said to begin at byte {} of {}", record.name,
            size_of_data, header_at, length_);
    record.size = static_cast<int64_t>(size_of_data);
    record.header_at = static_cast<int64_t>(header_at);
    records_.push_back(std::move(record));
  }
  require(rest.empty(), Kind::format, "{} bytes follow the last record of the zip directory",
          rest.size());
}

void ZipArchive::bound_records(int64_t directory_at) {
  std::unordered_set<std::string_view> names;
  std::vector<ZipRecord*> by_place;
  for (ZipRecord& record : records_) {
    require(names.insert(record.name).second, Kind::format, "two zip records are named \"{}\"",
            record.name);
    by_place.push_back(&record);
  }
  std::sort(by_place.begin(), by_place.end(),
            [](const ZipRecord* a, const ZipRecord* b) { return a->header_at < b->header_at; });
  int64_t limit = directory_at;
  for (size_t i = by_place.size(); i-- != 0;) {
    ZipRecord& record = *by_place[i];
    record.limit = limit;
    limit = record.header_at;
    require(record.limit - record.header_at >= zip::kLocalBytes &&
                record.size <= record.limit - record.header_at - zip::kLocalBytes,
            Kind::format, "zip record \"{}\" of {} bytes at byte {} reaches beyond byte {}",
            record.name, record.size, record.header_at, record.limit);
  }
}

const ZipRecord* ZipArchive::find(std::string_view name) const {
  for (const ZipRecord& record : records_)
    if (record.name == name) return &record;
  return nullptr;
}

int64_t ZipArchive::data_at(const ZipRecord& record) const {
  const auto name_bytes = static_cast<int64_t>(record.name.size());
  require(record.limit - record.header_at >= zip::kLocalBytes + name_bytes, Kind::format,
          "the local header of zip record \"{}\" has no room for its name", record.name);
  const std::string header = fetch(record.header_at, zip::kLocalBytes + name_bytes);
  Fields fields(header);
  require(fields.u32() == zip::kLocalHeader, Kind::format,
          "no local header of zip record \"{}\" at byte {}", record.name, record.header_at);
  fields.skip(2);
  const uint16_t flags = fields.u16(), method = fields.u16();
  fields.skip(16);
  const uint16_t local_name_bytes = fields.u16(), extra_bytes = fields.u16();
  require(method == 0 && (flags & zip::kEncrypted) == 0, Kind::format,
          "the local header of zip record \"{}\" differs from the directory", record.name);
  require(local_name_bytes == name_bytes &&
              std::string_view(header).substr(static_cast<size_t>(zip::kLocalBytes)) == record.name,
          Kind::format, "the local header at byte {} does not name zip record \"{}\"",
          record.header_at, record.name);
  const int64_t at = record.header_at + zip::kLocalBytes + name_bytes + extra_bytes;
  require(record.limit - at >= record.size, Kind::format,
          "zip record \"{}\" of {} bytes at byte {} reaches beyond byte {}", record.name,
          record.size, at, record.limit);
  return at;
}

std::string ZipArchive::data(const ZipRecord& record, int64_t limit) const {
  require(record.size <= limit, Kind::format,
          "zip record \"{}\" has {} bytes; more than {} are refused", record.name, record.size,
          limit);
  return fetch(data_at(record), record.size);
}

}  // namespace bascule
