#include "data/npy.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/golden_data.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

std::string npy(const std::string& dictionary, const std::string& data = "") {
  std::string text = dictionary;
  text.append((64 - (10 + text.size() + 1) % 64) % 64, ' ');
  text += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(text.size() % 256);
  out += static_cast<char>(text.size() / 256);
  return out + text + data;
}

NpyHeader parsed(const std::string& bytes) { return parse_npy(as_bytes(bytes), "x.npy"); }

struct NpyRow {
  std::string bytes, text;
};

std::vector<NpyRow> npy_rows() {
  const std::string good = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }";
  const auto with = [](const std::string& descr, const std::string& order,
                       const std::string& shape) {
    return npy("{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + "}",
               std::string(8, '\0'));
  };
  return {
      {"", "x.npy is not a .npy file of version 1.0"},
      {"\x93NUMPY", "not a .npy file"},
      {std::string("\x93NUMPY\x01\x00\x01", 9), "not a .npy file"},
      {"PK\3\4 and so on", "not a .npy file"},
      {std::string("\x93NUMPY\x02\x00\x40\x00\x00\x00", 12) + good, "not a .npy file of version"},
      {std::string("\x93NUMPY\x01\x00\xff\xff", 10) + good,
       "a header of 65535 bytes does not fit the file of"},
      {std::string("\x93NUMPY\x01\x00\x00\x00", 10), "where \"{\" belongs"},
      {npy(""), "where \"{\" belongs"},
      {npy("{"), "where \"'\" belongs"},
      {npy("{}"), "does not have descr, fortran_order and shape once each"},
      {npy("{'descr"), "a name in the header does not end"},
      {npy("{'descr': '<i4'}"), "does not have descr"},
      {npy("{'descr': '<i4', 'descr': '<i4', 'fortran_order': False, 'shape': (0,)}"),
       "does not have descr, fortran_order and shape once each"},
      {npy("{'descr': '<i4', 'fortran_order': False, 'shape': (0,), 'x': 1}"), "unknown key \"x\""},
      {npy(good + "x", std::string(8, '\0')), "the header goes on with \"x"},
      {npy(good, ""), "takes 8 bytes, the file has 0 behind its header"},
      {npy(good, std::string(7, '\0')), "takes 8 bytes, the file has 7 behind its header"},
      {npy(good, std::string(9, '\0')), "takes 8 bytes, the file has 9 behind its header"},
      {with("'<f4'", "False", "(2,)"), "element type \"<f4\" is no whole number"},
      {with("'>i4'", "False", "(2,)"), "element type \">i4\""},
      {with("'|O'", "False", "(1,)"), "element type \"|O\""},
      {with("''", "False", "(1,)"), "element type \"\""},
      {with("[('a', '<i4')]", "False", "(2,)"), "where \"'\" belongs"},
      {with("'<i4'", "True", "(2,)"), "where \"False\" belongs"},
      {with("'<i4'", "0", "(2,)"), "where \"False\" belongs"},
      {with("'<i4'", "False", "2"), "where \"(\" belongs"},
      {with("'<i4'", "False", "(2"), "where \")\" belongs"},
      {with("'<i4'", "False", "(-2,)"), "where an extent belongs"},
      {with("'<i4'", "False", "(2.0,)"), "where \")\" belongs"},
      {with("'<i4'", "False", "(x,)"), "where an extent belongs"},
      {with("'<i4'", "False", "(1, 1, 2)"), "more than 2 dimensions"},
      {with("'<i4'", "False", "(99999999999999999999,)"), "where an extent belongs"},
      {with("'<i4'", "False", "(9223372036854775807, 2)"), "is too large"},
      {with("'<i4'", "False", "(4611686018427387904, 4)"), "is too large"},
      {with("'<i8'", "False", "(1152921504606846975, 1)"), "takes 9223372036854775800 bytes"},
      {with("'<i4'", "False", "()"), "shape () of <i4 takes 4 bytes, the file has 8"},
  };
}

TEST(Npy, RefusesWhatIsWrong) {
  for (const NpyRow& row : npy_rows()) {
    SCOPED_TRACE(row.text);
    expect_error(Kind::format, {row.text, "x.npy"}, [&] { parsed(row.bytes); });
  }
  // Data that cannot be used in place.
  std::string shifted = npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1,)}", "12345678");
  shifted.insert(10, " ");
  ++shifted[8];
  expect_error(Kind::format, {"data of 8-byte elements begins at byte 129"},
               [&] { parsed(shifted); });
}

TEST(Npy, RefusesEveryTruncation) {
  const std::string good = contents(kGoldenData / "shuffle_index.npy");
  for (size_t size = 0; size < good.size(); ++size)
    expect_error(Kind::format, {"x.npy"}, [&] { parsed(good.substr(0, size)); });
}

TEST(Npy, ReadsWhatNumpyWrote) {
  const auto documents = map_npy<int32_t>(kGoldenData / "document_index.npy", {80});
  EXPECT_EQ(documents.size(), 80);
  const auto samples = map_npy<int32_t>(kGoldenData / "sample_index.npy", {144, 2});
  EXPECT_EQ(samples[0], 0);
  EXPECT_EQ(samples.size(), 288);
  EXPECT_EQ(map_npy<uint32_t>(kGoldenData / "shuffle_index.npy", {143}).size(), 143);
  expect_error(Kind::format, {"shuffle_index.npy holds <u4 of shape (143)", "<i4 of shape (143)"},
               [] { map_npy<int32_t>(kGoldenData / "shuffle_index.npy", {143}); });
  expect_error(Kind::format, {"holds <i4 of shape (144, 2), but <i4 of shape (288)", "remove it"},
               [] { map_npy<int32_t>(kGoldenData / "sample_index.npy", {288}); });
  // Written by hand or by older versions: other orders of keys, other blanks.
  EXPECT_EQ(parsed(npy("{'shape':(2,1),'descr':'<u2','fortran_order':False}", "1234")),
            (NpyHeader{"<u2", {2, 1}, 64}));
  EXPECT_EQ(parsed(npy("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", "12345678"))
                .shape.size(),
            0U);
}

TEST(Npy, WritesNumpysBytes) {
  const TemporaryDirectory folder;
  for (const auto& [name, shape] : std::vector<std::pair<std::string, std::vector<int64_t>>>{
           {"document_index.npy", {80}}, {"sample_index.npy", {144, 2}}}) {
    const auto golden = map_npy<int32_t>(kGoldenData / name, shape);
    write_npy(folder / name, "<i4", shape, std::as_bytes(golden.values()));
    EXPECT_EQ(contents(folder / name), contents(kGoldenData / name));
  }
  expect_error(Kind::environment, {"cannot create"},
               [&] { write_npy(folder / "no/x.npy", "<i4", {0}, {}); });
}

}  // namespace
}  // namespace bascule
