#include "train/tensorboard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cmath>

#include "base/directories.h"
#include "train/scalars.h"

namespace bascule {
namespace {

// An event file is a row of TFRecords (length, its CRC, an Event in protobuf's encoding, its CRC):
// tensorflow/core/lib/io/record_writer.cc and core/util/event.proto define them. CRCs are
// CRC-32C (Castagnoli), rotated and offset.
constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82F63B78u : 0);
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = crc_table();

uint32_t masked_crc(std::string_view data) {
  uint32_t crc = ~0u;
  for (const char each : data)
    crc = crc >> 8 ^ kTable[(crc ^ static_cast<unsigned char>(each)) & 0xFF];
  return std::rotr(~crc, 15) + 0xA282EAD8u;
}

template <class Number>
std::string little_endian(Number value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

enum Wire { kVarint = 0, kDouble = 1, kBytes = 2, kFloat = 5 };

std::string key(int field, Wire wire) {
  return varint(static_cast<uint64_t>(field << 3 | static_cast<int>(wire)));
}
std::string bytes(int field, std::string_view data) {
  return key(field, kBytes) + varint(data.size()) + std::string(data);
}

std::string scalar(std::string_view tag, double value) {
  const std::string number =
      key(2, kFloat) + little_endian(std::bit_cast<uint32_t>(static_cast<float>(value)));
  return bytes(1, bytes(1, tag) + number);
}

std::string event(double time, int64_t step, const std::string& what) {
  return key(1, kDouble) + little_endian(std::bit_cast<uint64_t>(time)) + key(2, kVarint) +
         varint(static_cast<uint64_t>(step)) + what;
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class EventFile {
 public:
  EventFile(const std::filesystem::path& folder, double now) {
    make_directories(folder);
    file_ = File::create(folder / fmt::format("events.out.tfevents.{}.bascule.{}",
                                              static_cast<int64_t>(now), ::getpid()));
    append(event(now, 0, bytes(3, "brain.Event:2")));
  }

  void add(int64_t step, const Scalars& all) {
    std::string values;
    for (const auto& [name, value] : all) values += scalar(name, value);
    append(event(wall_time(), step, bytes(5, values)));
  }

 private:
  void append(const std::string& data) {
    const std::string length = little_endian(static_cast<uint64_t>(data.size()));
    const std::string record =
        length + little_endian(masked_crc(length)) + data + little_endian(masked_crc(data));
    file_.pwrite_all(end_, as_bytes(record));
    end_ += static_cast<int64_t>(record.size());
  }

  File file_;
  int64_t end_ = 0;
};

}  // namespace

std::unique_ptr<MetricsSink> tensorboard(const LoggerSettings& settings, double now) {
  auto file = std::make_shared<EventFile>(*settings.tensorboard_dir, now);
  return scalars_to(settings, [file](int64_t step, const Scalars& all) { file->add(step, all); });
}

}  // namespace bascule
