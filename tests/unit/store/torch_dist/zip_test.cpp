#include "store/torch_dist/zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "bascule/error.h"
#include "base/check.h"
#include "base/crc.h"
#include "base/file.h"
#include "store/torch_dist/torch_file.h"
#include "store/torch_dist/zip_frame.h"
#include "store/torch_dist/zip_layout.h"

namespace bascule {
namespace {

using testing::HasSubstr;

ReadAt memory(const std::string& bytes) {
  return [&bytes](int64_t at, std::span<std::byte> out) {
    require(at >= 0 && at <= static_cast<int64_t>(bytes.size()) &&
                out.size() <= bytes.size() - static_cast<size_t>(at),
            Kind::internal, "a read outside the archive");
    std::memcpy(out.data(), bytes.data() + at, out.size());
  };
}

ZipArchive open(const std::string& bytes) {
  return ZipArchive(memory(bytes), static_cast<int64_t>(bytes.size()));
}

// Opens an archive and reads every record of it.
void read_all(const std::string& bytes) {
  const ZipArchive zip = open(bytes);
  for (const ZipRecord& record : zip.records()) zip.data(record, 1 << 20);
}

std::string peer_archive() {
  return read_small_file("tests/golden/llama/megatron/iter_0000000/train_state.pt", 1 << 20);
}

// An archive of ours with the streamed record's data put in, and its CRC-32.
std::string assembled(Frame frame, const std::string& data) {
  const uint32_t crc = crc32(0, as_bytes(data));
  for (const uint32_t at : frame.crc_at) std::memcpy(frame.after.data() + at, &crc, sizeof crc);
  return frame.before + data + frame.after;
}

TEST(Zip, ReadsWhatTorchWrote) {
  const std::string bytes = peer_archive();
  const ZipArchive zip = open(bytes);
  ASSERT_EQ(zip.records().size(), 14u);
  EXPECT_EQ(zip.records()[0].name, "train_state/data.pkl");
  EXPECT_EQ(zip.records()[0].size, 651);
  EXPECT_EQ(zip.data(*zip.find("train_state/byteorder"), 16), "little");
  EXPECT_EQ(zip.data(*zip.find("train_state/version"), 16), "3\n");
  EXPECT_EQ(zip.find("train_state/absent"), nullptr);
  for (const ZipRecord& record : zip.records()) {
    EXPECT_EQ(zip.data_at(record) % 64, 0) << record.name;
    EXPECT_EQ(crc32(0, as_bytes(zip.data(record, 1 << 20))), record.crc) << record.name;
  }
  EXPECT_THROW(zip.data(zip.records()[0], 650), Error);
}

TEST(Zip, ReadsWhatWeWrite) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{5000}}) {
    const std::string data(size, 'd');
    const std::string bytes = assembled(tensor_frame("pickle", static_cast<int64_t>(size)), data);
    const ZipArchive zip = open(bytes);
    ASSERT_EQ(zip.records().size(), 4u);
    EXPECT_EQ(zip.records()[2].name, "archive/data/0");
    for (const ZipRecord& record : zip.records()) {
      EXPECT_EQ(zip.data_at(record) % 64, 0);
      EXPECT_EQ(crc32(0, as_bytes(zip.data(record, 1 << 20))), record.crc) << record.name;
    }
    EXPECT_EQ(zip.data(*zip.find("archive/data/0"), 1 << 20), data);
  }
}

TEST(Zip, FrameSaysWhereTheCrcBelongs) {
  const Frame frame = tensor_frame("pickle", 100);
  ASSERT_EQ(frame.crc_at.size(), 2u);
  zip::Fields descriptor(std::string_view(frame.after).substr(frame.crc_at[0] - 4));
  EXPECT_EQ(descriptor.u32(), zip::kDescriptor);
  EXPECT_EQ(descriptor.u32(), 0u);
  EXPECT_EQ(descriptor.u32(), 100u);
  EXPECT_EQ(descriptor.u32(), 100u);
  zip::Fields central(std::string_view(frame.after).substr(frame.crc_at[1] - 16));
  EXPECT_EQ(central.u32(), zip::kCentralHeader);
  EXPECT_TRUE(tensor_frame("pickle", 0).crc_at.empty());
}

TEST(Zip, FrameRefusesFourGiB) {
  EXPECT_THROW(tensor_frame("pickle", int64_t{4} << 30), Error);
  EXPECT_THROW(tensor_frame("pickle", -1), Error);
  EXPECT_NO_THROW(tensor_frame("pickle", (int64_t{4} << 30) - 16384));
}

TEST(Zip, RefusesEveryTruncation) {
  const std::string whole = peer_archive();
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW(read_all(whole.substr(0, size)), Error) << "cut at " << size;
  for (size_t begin = 1; begin < whole.size(); begin += 7)
    EXPECT_THROW(read_all(whole.substr(begin)), Error) << "begun at " << begin;
}

TEST(Zip, SurvivesEveryChangedByte) {
  const std::string whole = assembled(tensor_frame("pickle", 4), "data");
  for (size_t at = 0; at < whole.size(); ++at)
    for (const char change : {'\x01', '\x08', '\x80', '\xff'}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ change);
      try {
        read_all(changed);
      } catch (const Error& error) {
        EXPECT_TRUE(error.kind() == Kind::format || error.kind() == Kind::unsupported)
            << error.what();
      }
    }
}

// One record, described field by field, so that each field can lie.
struct Fake {
  uint32_t local_signature = zip::kLocalHeader, central_signature = zip::kCentralHeader,
           end_signature = zip::kEnd;
  uint16_t flags = zip::kUtf8, method = 0, local_method = 0, disk = 0, end_disk = 0, entries = 1,
           entries_here = 1, comment = 0, local_extra = 0;
  uint32_t stored = 4, size = 4, header_at = 0;
  std::string name = "a/b", local_name = "a/b", extra = "", data = "data", behind = "";
  uint32_t directory_bytes = 0, directory_at = 0;  // 0: the true ones
  int copies = 1;
  std::string before_end = "";

  std::string bytes() const {
    std::string out;
    zip::append(out, local_signature, uint16_t{0}, flags, local_method, uint32_t{0}, uint32_t{0},
                stored, size, static_cast<uint16_t>(local_name.size()), local_extra);
    out += local_name + data;
    const auto at = static_cast<uint32_t>(out.size());
    for (int copy = 0; copy < copies; ++copy) {
      zip::append(out, central_signature, uint32_t{0}, flags, method, uint32_t{0}, uint32_t{0},
                  stored, size, static_cast<uint16_t>(name.size()),
                  static_cast<uint16_t>(extra.size()), uint16_t{0}, disk, uint16_t{0}, uint32_t{0},
                  header_at);
      out += name + extra;
    }
    out += behind;
    const auto bytes = static_cast<uint32_t>(out.size()) - at;
    out += before_end;
    zip::append(out, end_signature, end_disk, uint16_t{0}, entries_here, entries,
                directory_bytes != 0 ? directory_bytes : bytes,
                directory_at != 0 ? directory_at : at, comment);
    return out;
  }
};

std::string extra64(std::initializer_list<uint64_t> values) {
  std::string extra;
  zip::append(extra, zip::kExtra64, static_cast<uint16_t>(8 * values.size()));
  for (const uint64_t value : values) zip::append(extra, value);
  return extra;
}

std::string end64(uint32_t signature, uint64_t entries, uint64_t bytes, uint64_t at,
                  uint64_t end64_at, uint32_t locator = zip::kEnd64Locator) {
  std::string out;
  zip::append(out, signature, uint64_t{44}, uint16_t{45}, uint16_t{45}, uint32_t{0}, uint32_t{0},
              entries, entries, bytes, at, locator, uint32_t{0}, end64_at, uint32_t{1});
  return out;
}

TEST(Zip, ReadsZip64) {
  Fake fake{.stored = zip::kMany32, .size = zip::kMany32, .header_at = zip::kMany32};
  fake.extra = extra64({4, 4, 0});
  const uint64_t at = 37, bytes = 46 + 3 + 28;
  fake.before_end = end64(zip::kEnd64, 1, bytes, at, at + bytes);
  fake.directory_at = zip::kMany32;
  fake.directory_bytes = zip::kMany32;
  fake.entries = fake.entries_here = zip::kMany16;
  const std::string archive = fake.bytes();
  const ZipArchive zip = open(archive);
  EXPECT_EQ(zip.data(zip.records().at(0), 4), "data");
}

struct Bad {
  const char* what;
  Fake fake;
  const char* message;
  Kind kind = Kind::format;
};

TEST(Zip, Refuses) {
  EXPECT_NO_THROW(read_all(Fake{}.bytes()));
  const auto wide = [](const std::string& extra) {
    Fake fake{.stored = zip::kMany32, .size = zip::kMany32};
    fake.extra = extra;
    return fake;
  };
  const auto far = [](const std::string& end) {
    Fake fake{.entries = zip::kMany16, .entries_here = zip::kMany16};
    fake.before_end = end;
    return fake;
  };
  const Bad rows[] = {
      {"no end", {.end_signature = 1}, "no zip archive ends at byte 108"},
      {"parts", {.end_disk = 1}, "several parts", Kind::unsupported},
      {"other parts", {.entries_here = 2}, "several parts", Kind::unsupported},
      {"record in another part", {.disk = 1}, "several parts", Kind::unsupported},
      {"comment", {.comment = 9}, "a comment of 9 bytes"},
      {"too many records", {.entries = 9, .entries_here = 9}, "cannot hold 9 records"},
      {"too few records", {.entries = 0, .entries_here = 0}, "49 bytes follow the last record"},
      {"directory too long", {.directory_bytes = 500}, "500 bytes at byte 37 of 108"},
      {"directory of 4 GB", {.directory_bytes = 0xfffffffe}, "4294967294 bytes at byte 37"},
      {"directory too late", {.directory_at = 100}, "49 bytes at byte 100 of 108"},
      {"directory at 4 GB", {.directory_at = 0xfffffffe}, "at byte 4294967294"},
      {"directory elsewhere", {.directory_at = 30}, "wrong signature"},
      {"directory cut", {.directory_bytes = 46}, "ends within its record 0"},
      {"directory cut in a name", {.directory_bytes = 48}, "ends within its record 0"},
      {"bytes behind", {.behind = "xyz"}, "3 bytes follow the last record"},
      {"wrong central signature", {.central_signature = 7}, "record 0 of the zip directory"},
      {"encrypted", {.flags = 1}, "encrypted", Kind::unsupported},
      {"deflated", {.method = 8}, "compressed (method 8)", Kind::unsupported},
      {"sizes differ", {.stored = 3}, "stored, but of 4 bytes 3 are"},
      {"data too long", {.stored = 5, .size = 5}, "of 5 bytes at byte 33 reaches beyond byte 37"},
      {"data of 4 GB", {.stored = 0xfffffffe, .size = 0xfffffffe}, "begin at byte 0 of 108"},
      {"header too late", {.header_at = 20}, "begin at byte 20 of 108"},
      {"header at 4 GB", {.header_at = 0xfffffffe}, "begin at byte 4294967294"},
      {"header elsewhere", {.stored = 0, .size = 0, .header_at = 3}, "no local header"},
      {"wrong local signature", {.local_signature = 7}, "no local header of zip record \"a/b\""},
      {"another local name", {.local_name = "a/c"}, "does not name zip record \"a/b\""},
      {"a longer local name", {.local_name = "a/bc"}, "does not name zip record \"a/b\""},
      {"local extra too long", {.local_extra = 60000}, "reaches beyond byte 37"},
      {"local method", {.local_method = 8}, "differs from the directory"},
      {"name too long", {.name = std::string(60000, 'n')}, "a zip record is named \"nnn"},
      {"name longer than its place", {.name = std::string(1000, 'n')}, "has no room for its name"},
      {"no name", {.name = ""}, "a zip record is named \"\""},
      {"name with a line break", {.name = "a\nb"}, "a zip record is named \"a\\x0ab\""},
      {"one name twice",
       {.entries = 2, .entries_here = 2, .copies = 2},
       "two zip records are named"},
      {"no 64-bit sizes", wide(""), "of 4294967295 bytes is said to begin"},
      {"64-bit sizes cut", wide(extra64({4})), "lacks its 64-bit sizes"},
      {"extra field too long", wide(std::string("\x01\x00\xff\xff", 4)), "longer than its place"},
      {"huge 64-bit size", wide(extra64({~uint64_t{0}, ~uint64_t{0}})),
       "18446744073709551615 bytes"},
      {"64-bit size of 2^63", wide(extra64({uint64_t{1} << 63, uint64_t{1} << 63})),
       "begin at byte"},
      {"no locator", far(""), "the zip64 locator is missing"},
      {"wrong locator", far(end64(zip::kEnd64, 1, 49, 37, 86, 5)), "locator is missing"},
      {"zip64 end far away", far(end64(zip::kEnd64, 1, 49, 37, uint64_t{1} << 40)),
       "said to be at byte 1099511627776"},
      {"zip64 end at 2^64", far(end64(zip::kEnd64, 1, 49, 37, ~uint64_t{0})),
       "at byte 18446744073709551615"},
      {"zip64 end elsewhere", far(end64(zip::kEnd64, 1, 49, 37, 3)),
       "no zip64 end record at byte 3"},
      {"zip64 end signature", far(end64(5, 1, 49, 37, 86)), "no zip64 end record at byte 86"},
      {"2^60 records", far(end64(zip::kEnd64, uint64_t{1} << 60, 49, 37, 86)), "cannot hold"},
      {"directory of 2^64 bytes", far(end64(zip::kEnd64, 1, ~uint64_t{0}, 37, 86)),
       "said to be 18446744073709551615 bytes"},
      {"directory at 2^64", far(end64(zip::kEnd64, 1, 49, ~uint64_t{0}, 86)),
       "at byte 18446744073709551615"},
  };
  for (const Bad& row : rows) {
    SCOPED_TRACE(row.what);
    try {
      read_all(row.fake.bytes());
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), row.kind);
      EXPECT_THAT(error.what(), HasSubstr(row.message));
    }
  }
}

}  // namespace
}  // namespace bascule
