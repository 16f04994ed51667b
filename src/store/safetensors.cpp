#include "store/safetensors.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/check.h"
#include "base/shown.h"
#include "store/box_read.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kLengthBytes = 8;

struct Lookalike {
  std::string_view begins, what;
};

constexpr std::array kLookalikes = {
    Lookalike{"version https://git-lfs",
              "a Git LFS pointer; fetch the file itself with `git lfs pull`"},
    Lookalike{"PK\3\4", "a zip archive, as PyTorch writes; convert it to safetensors first"},
    Lookalike{"GGUF", "a GGUF file; convert it to safetensors first"},
    Lookalike{"<!DOCTYPE", "a web page; download the file again"},
    Lookalike{"<html", "a web page; download the file again"},
};

void require_no_lookalike(const File& file, int64_t size) {
  std::string head(static_cast<size_t>(std::min<int64_t>(size, 32)), '\0');
  file.pread_exact(0, std::as_writable_bytes(std::span(head)));
  for (const Lookalike& other : kLookalikes)
    require(!head.starts_with(other.begins), Kind::format, "{} is not a safetensors file but {}",
            file.path().string(), other.what);
}

uint64_t little_endian(std::span<const std::byte, kLengthBytes> bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<uint64_t>(bytes[i]);
  return value;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const fs::path& path) : file_(File::open(path)) {
  const std::string where = path.string();
  const int64_t size = file_.size();
  require_no_lookalike(file_, size);
  require(size >= kLengthBytes, Kind::format,
          "{} is {} bytes long, too short for the header's length", where, size);
  std::array<std::byte, kLengthBytes> length_bytes{};
  file_.pread_exact(0, length_bytes);
  const uint64_t length = little_endian(length_bytes);
  require(length <= static_cast<uint64_t>(kMaxSafetensorsHeader), Kind::format,
          "{}: a header of {} bytes, at most {} are allowed", where, length, kMaxSafetensorsHeader);
  const int64_t header_bytes = static_cast<int64_t>(length);
  require(header_bytes <= size - kLengthBytes, Kind::format,
          "{}: a header of {} bytes does not fit the file of {}; the file is truncated", where,
          header_bytes, size);
  data_begin_ = kLengthBytes + header_bytes;
  std::string json(static_cast<size_t>(header_bytes), '\0');
  file_.pread_exact(kLengthBytes, std::as_writable_bytes(std::span(json)));
  header_ = parse_safetensors_header(json, size - data_begin_, where);
}

SafetensorsSource::SafetensorsSource(const std::vector<fs::path>& paths) {
  std::vector<TensorInfo> found;
  std::vector<Place> places;
  for (const fs::path& path : paths) {
    SafetensorsFile file(path);
    SafetensorsHeader header = file.take_header();
    require(found.size() + header.entries.size() <= kMaxSafetensorsTensors, Kind::format,
            "{}: more than {} tensors in one model", path.string(), kMaxSafetensorsTensors);
    Shard& shard =
        shards_.emplace_back(Shard{path.filename().string(), {}, std::move(header.metadata)});
    for (SafetensorsEntry& entry : header.entries) {
      shard.tensors.push_back(found.size());
      places.push_back({files_.size(), file.data_begin() + entry.begin});
      found.push_back(std::move(entry.info));
    }
    files_.push_back(file.take_file());
  }

  std::vector<size_t> order(found.size()), rank(found.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return found[a].name < found[b].name; });
  tensors_.reserve(found.size());
  places_.reserve(found.size());
  for (const size_t old : order) {
    if (!tensors_.empty() && tensors_.back().name == found[old].name)
      fail(Kind::format, "tensor {} is in two files, {} and {}; remove one of them",
           shown(found[old].name), files_[places_.back().file].path().string(),
           files_[places[old].file].path().string());
    rank[old] = tensors_.size();
    tensors_.push_back(std::move(found[old]));
    places_.push_back(places[old]);
  }
  for (Shard& shard : shards_)
    for (size_t& tensor : shard.tensors) tensor = rank[tensor];
}

void SafetensorsSource::read(size_t index, const Box& box, std::span<std::byte> out) const {
  const TensorInfo& tensor = tensors_.at(index);
  const Place& place = places_.at(index);
  read_box(files_[place.file], place.offset, tensor.dtype, tensor.shape, box, out);
}

std::pair<size_t, int64_t> SafetensorsSource::place(size_t index) const {
  return {places_.at(index).file, places_.at(index).offset};
}

std::string SafetensorsSource::file_of(size_t index) const {
  return files_[places_.at(index).file].path().string();
}

}  // namespace bascule
