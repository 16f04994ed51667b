// Hostile and broken .idx files: each row is the bytes and a part of the sentence they must get.
#include "data/index_view.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/file.h"
#include "unit/data/index_bytes.h"
#include "unit/expect_error.h"
#include "unit/store/cost.h"

namespace bascule {
namespace {

constexpr int64_t kBin = 10;  // what the good index takes

IndexView view_of(const std::string& bytes, int64_t bin_bytes = kBin) {
  return {as_bytes(bytes), bin_bytes, "x.idx", "x.bin"};
}

struct IndexRow {
  std::string bytes, text;
  int64_t bin_bytes = kBin;
};

template <class Change>
IndexRow row(Change change, std::string text, int64_t bin_bytes = kBin) {
  IndexBytes index;
  change(index);
  return {index.text(), std::move(text), bin_bytes};
}

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

std::vector<IndexRow> index_rows() {
  return {
      // Other files.
      {"", "x.idx is not the index of an indexed dataset: it does not begin with MMIDIDX"},
      {"M", "x.idx is 1 bytes long, its header alone takes 34"},
      {"X", "does not begin with MMIDIDX"},
      {"PK\3\4 and more bytes", "does not begin with MMIDIDX"},
      {std::string(100, '\0'), "does not begin with MMIDIDX"},
      row([](auto& i) { i.magic = std::string("MMIDIDX\0\1", 9); }, "does not begin with MMIDIDX"),
      row([](auto& i) { i.magic = std::string("TNTIDX\0\0\0", 9); }, "does not begin with MMIDIDX"),
      // Header.
      row([](auto& i) { i.version = 0; }, "x.idx has version 0, only 1 is known"),
      row([](auto& i) { i.version = 2; }, "x.idx has version 2, only 1 is known"),
      row([](auto& i) { i.version = UINT64_MAX; }, "has version 18446744073709551615"),
      row([](auto& i) { i.version = uint64_t{1} << 56; }, "has version 72057594037927936"),
      row([](auto& i) { i.code = 0; }, "element type 0 is not known, they are 1 to 8"),
      row([](auto& i) { i.code = 9; }, "element type 9 is not known"),
      row([](auto& i) { i.code = 255; }, "element type 255 is not known"),
      // Counts.
      row([](auto& i) { i.sequences = 4; }, "document boundaries of 8 bytes and 4 sequences of 12"),
      row([](auto& i) { i.sequences = 5; }, "document boundaries of 8 bytes and 5 sequences of 12"),
      row([](auto& i) { i.sequences = 6; },
          "6 sequences take 12 bytes each, but the file is 94 bytes long; it is truncated"),
      row([](auto& i) { i.sequences = int64_t{1} << 60; }, "1152921504606846976 sequences take 12"),
      row([](auto& i) { i.sequences = kMost; }, "9223372036854775807 sequences take 12"),
      // 12 times this is 4 modulo 2^64.
      row([](auto& i) { i.sequences = 0x1555555555555555; }, "1537228672809129301 sequences take"),
      row([](auto& i) { i.boundaries = 0; }, "0 document boundaries of 8 bytes and 3 sequences"),
      row([](auto& i) { i.boundaries = 4; }, "4 document boundaries of 8 bytes and 3 sequences"),
      row([](auto& i) { i.boundaries = 2; },
          "is 94 bytes long, but 3 sequences and 2 document boundaries take 86"),
      row([](auto& i) { i.boundaries = kMost; }, "9223372036854775807 document boundaries"),
      row([](auto& i) { i.boundaries = int64_t{1} << 61; }, "2305843009213693952 document"),
      row([](auto& i) { i.sequences = 2; }, "is 94 bytes long, but 2 sequences and 3 document"),
      row([](auto& i) { i.sequences = 0; }, "is 94 bytes long, but 0 sequences and 3 document"),
      row([](auto& i) { i.rest = "x"; }, "is 95 bytes long, but 3 sequences and 3 document"),
      row([](auto& i) { i.rest = "xx"; }, "is 96 bytes long, but 3 sequences"),
      row([](auto& i) { i.rest = "xxxx"; }, "is 98 bytes long, but 3 sequences"),
      // Documents.
      row(
          [](auto& i) {
            i.documents = {1, 1, 3};
          },
          "the first document begins with sequence 1 instead of 0"),
      row(
          [](auto& i) {
            i.documents = {-1, 1, 3};
          },
          "begins with sequence -1 instead of 0"),
      row(
          [](auto& i) {
            i.documents = {0, 2, 1};
          },
          "document 2 begins with sequence 1, after 2 and with 3 sequences in all"),
      row(
          [](auto& i) {
            i.documents = {0, -1, 3};
          },
          "document 1 begins with sequence -1"),
      row(
          [](auto& i) {
            i.documents = {0, 4, 3};
          },
          "document 1 begins with sequence 4"),
      row(
          [](auto& i) {
            i.documents = {0, kMost, 3};
          },
          "with sequence 9223372036854775807"),
      row(
          [](auto& i) {
            i.documents = {0, 1, 2};
          },
          "the last document ends with sequence 2, but there are 3"),
      row([](auto& i) { i.documents = {0}; }, "ends with sequence 0, but there are 3"),
      row(
          [](auto& i) {
            i.documents = {0, 1, 4};
          },
          "document 2 begins with sequence 4"),
      // Sequences.
      row(
          [](auto& i) {
            i.lengths = {-1, 0, 2};
          },
          "sequence 0 has -1 tokens"),
      row(
          [](auto& i) {
            i.lengths = {3, 0, INT32_MIN};
          },
          "sequence 2 has -2147483648 tokens"),
      row(
          [](auto& i) {
            i.offsets = {-1, 6, 6};
          },
          "sequence 0 of 3 tokens begins at byte -1"),
      row(
          [](auto& i) {
            i.offsets = {0, INT64_MIN, 6};
          },
          "sequence 1 of 0 tokens begins at byte -9223372036854775808"),
      row(
          [](auto& i) {
            i.offsets = {0, 6, kMost};
          },
          "sequence 2 of 2 tokens begins at byte 9223372036854775807"),
      row(
          [](auto& i) {
            i.offsets = {0, 6, kMost - 3};
          },
          "sequence 2 of 2 tokens begins at byte 9223372036854775804"),
      row(
          [](auto& i) {
            i.offsets = {0, 6, kMost - 4};
          },
          "x.bin is short: 10 bytes, but sequence 2 in x.idx ends at byte 9223372036854775807"),
      row(
          [](auto& i) {
            i.offsets = {0, 6, 7};
          },
          "x.bin is short: 10 bytes, but sequence 2 in x.idx ends at byte 11"),
      row(
          [](auto& i) {
            i.offsets = {0, 11, 6};
          },
          "sequence 1 in x.idx ends at byte 11"),
      row(
          [](auto& i) {
            i.lengths = {3, 0, INT32_MAX};
          },
          "ends at byte 4294967300"),
      row([](auto& i) { i.code = 4; }, "x.bin is short: 10 bytes, but sequence 2 in x.idx"),
      row([](auto&) {}, "x.bin is short: 9 bytes, but sequence 2 in x.idx ends at byte 10", 9),
      row([](auto&) {}, "x.bin is short: 0 bytes", 0),
  };
}

TEST(IndexView, RefusesWhatIsWrong) {
  for (const IndexRow& row : index_rows()) {
    SCOPED_TRACE(row.text);
    expect_error(Kind::format, {row.text, "x.idx"}, [&] { view_of(row.bytes, row.bin_bytes); });
  }
}

TEST(IndexView, RefusesEveryTruncation) {
  const std::string good = IndexBytes{}.text();
  for (size_t size = 0; size < good.size(); ++size) {
    SCOPED_TRACE(size);
    expect_error(Kind::format, {"x.idx"}, [&] { view_of(good.substr(0, size)); });
  }
}

TEST(IndexView, SurvivesEveryChangeOfAByte) {
  const std::string good = IndexBytes{}.text();
  for (size_t at = 0; at < good.size(); ++at)
    for (const char c : {'\0', '\1', '\x7f', '\x80', '\xff'}) {
      std::string bytes = good;
      bytes[at] = c;
      try {
        const IndexView view = view_of(bytes);
        EXPECT_EQ(view.sequences(), 3);
        for (int64_t i = 0; i < 3; ++i)
          EXPECT_LE(view.offset(i) + view.length(i) * bytes_of(view.type()), kBin);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Kind::format) << error.what();
      }
    }
}

TEST(IndexView, ReadsWhatIsRight) {
  const std::string bytes = IndexBytes{}.text();
  const IndexView view = view_of(bytes);
  EXPECT_EQ(view.type(), TokenType::u16);
  EXPECT_EQ(view.sequences(), 3);
  EXPECT_EQ(view.documents(), 2);
  EXPECT_EQ(view.tokens(), 5);
  EXPECT_FALSE(view.has_modes());
  EXPECT_EQ(view.length(0), 3);
  EXPECT_EQ(view.length(2), 2);
  EXPECT_EQ(view.offset(1), 6);
  EXPECT_EQ(view.document_begin(1), 1);
  EXPECT_EQ(view.document_begin(2), 3);
}

TEST(IndexView, ReadsUnusualFiles) {
  IndexBytes modes;
  modes.rest = std::string(3, '\1');
  const std::string with_modes = modes.text();
  EXPECT_TRUE(view_of(with_modes).has_modes());

  // What Megatron's builder writes of two sequences with modes 1 and 0.
  IndexBytes two{.code = 4, .lengths = {3, 1}, .offsets = {0, 12}, .documents = {0, 2}};
  two.rest = std::string("\1\0", 2);
  const std::string multimodal = two.text();
  EXPECT_EQ(multimodal.size(), 34U + 2 * 12 + 2 * 8 + 2);
  EXPECT_TRUE(view_of(multimodal, 16).has_modes());
  EXPECT_EQ(view_of(multimodal, 16).tokens(), 4);

  IndexBytes empty{.lengths = {}, .offsets = {}, .documents = {0}};
  const std::string nothing = empty.text();
  EXPECT_EQ(view_of(nothing, 0).documents(), 0);
  EXPECT_EQ(view_of(nothing, 0).sequences(), 0);

  // Documents without sequences, a .bin with more than the index speaks of, sequences that overlap.
  IndexBytes odd{.offsets = {4, 0, 0}, .documents = {0, 0, 3, 3}};
  const std::string unusual = odd.text();
  EXPECT_EQ(view_of(unusual, 1000).documents(), 3);
}

TEST(IndexView, RefusesLargeFilesCheaply) {
  expect_cheap([] {
    IndexBytes index;
    index.lengths.assign(2'000'000, 1);
    index.offsets.assign(2'000'000, 0);
    index.documents = {0, 2'000'000};
    index.lengths.back() = -5;
    const std::string bytes = index.text();
    try {
      view_of(bytes);
    } catch (const Error&) {
      return true;
    }
    return false;
  });
}

TEST(IndexHeader, IsWhatMegatronWrites) {
  IndexBytes none{.lengths = {}, .offsets = {}, .documents = {}, .sequences = 29, .boundaries = 30};
  EXPECT_EQ(index_header(TokenType::u16, 29, 30), none.text());
}

}  // namespace
}  // namespace bascule
