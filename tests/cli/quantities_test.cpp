#include "cli/quantities.h"

#include <gtest/gtest.h>

#include "bascule/error.h"

namespace bascule::cli {
namespace {

struct Reading {
  const char* text;
  int64_t bytes;  // -1: refused
};

constexpr int64_t kMiB = int64_t{1} << 20;

class Bytes : public testing::TestWithParam<Reading> {};

TEST_P(Bytes, AreRead) {
  const auto [text, bytes] = GetParam();
  if (bytes >= 0) {
    EXPECT_EQ(parse_bytes("--memory", text), bytes);
    return;
  }
  try {
    parse_bytes("--memory", text);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), Kind::user);
    EXPECT_EQ(e.message().find("--memory takes bytes such as 150M or 1G, not "), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Bytes,
    testing::Values(Reading{"0", 0}, Reading{"67108864", 64 * kMiB}, Reading{"150M", 150 * kMiB},
                    Reading{"150m", 150 * kMiB}, Reading{"150MB", 150 * kMiB},
                    Reading{"150MiB", 150 * kMiB}, Reading{"1G", 1024 * kMiB},
                    Reading{"1.5G", 1536 * kMiB}, Reading{"2k", 2048}, Reading{"7B", 7},
                    Reading{"1T", 1024 * 1024 * kMiB}, Reading{".5M", kMiB / 2}, Reading{"", -1},
                    Reading{"M", -1}, Reading{".", -1}, Reading{"1.2.3M", -1}, Reading{"-1M", -1},
                    Reading{"+1M", -1}, Reading{"1e3", -1}, Reading{"0x10", -1}, Reading{"1 M", -1},
                    Reading{" 1M", -1}, Reading{"1M ", -1}, Reading{"1Mi", -1}, Reading{"1MM", -1},
                    Reading{"1P", -1}, Reading{"1iB", -1}, Reading{"nan", -1}, Reading{"inf", -1},
                    Reading{"9999999999G", -1}, Reading{"99999999999999999999", -1}));

TEST(Quantities, AreWritten) {
  EXPECT_EQ(data_text(0), "0 B");
  EXPECT_EQ(data_text(999), "999 B");
  EXPECT_EQ(data_text(1000), "1 kB");
  EXPECT_EQ(data_text(999'499), "999 kB");
  EXPECT_EQ(data_text(999'500), "1.00 MB");
  EXPECT_EQ(data_text(2'471'628'800), "2.47 GB");
  EXPECT_EQ(data_text(24'700'000'000), "24.7 GB");
  EXPECT_EQ(memory_text(150 * kMiB), "150 MiB");
  EXPECT_EQ(memory_text(64 * kMiB), "64 MiB");
  EXPECT_EQ(memory_text(1536), "1.50 KiB");
  EXPECT_EQ(rate_text(1.294e9), "1.29 GB/s");
  EXPECT_EQ(seconds_text(0.0412), "0.04 s");
  EXPECT_EQ(seconds_text(9.996), "10.0 s");
  EXPECT_EQ(seconds_text(59.94), "59.9 s");
  EXPECT_EQ(seconds_text(59.96), "1:00 min");
  EXPECT_EQ(seconds_text(245), "4:05 min");
  EXPECT_EQ(seconds_text(7384), "2:03:04 h");
  EXPECT_EQ(seconds_text(1e300).back(), 'h');
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1'235'814'400), "1,235,814,400");
  EXPECT_EQ(grouped(-123'456), "-123,456");
  EXPECT_EQ(counted(1, "file"), "1 file");
  EXPECT_EQ(counted(0, "file"), "0 files");
  EXPECT_EQ(counted(1024, "file"), "1,024 files");
}

}  // namespace
}  // namespace bascule::cli
