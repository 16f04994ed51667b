// Hostile and broken files: each row is the bytes of a file and a part of the sentence it must get.
#include <gtest/gtest.h>

#include <functional>

#include "store/safetensors.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/store/cost.h"
#include "unit/store/safetensors_bytes.h"

namespace bascule {
namespace {

struct Row {
  std::string bytes, text;
};

std::string tensor(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return R"({"t":{"dtype":")" + std::string(dtype) + R"(","shape":)" + std::string(shape) +
         R"(,"data_offsets":)" + std::string(offsets) + "}}";
}

std::string two(std::string_view first, std::string_view second) {
  return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + std::string(first) +
         R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + std::string(second) + "}}";
}

std::vector<Row> rows() {
  const std::string good = tensor("U8", "[2]", "[0,2]");
  return {
      // The length of the header.
      {"", "0 bytes long, too short for the header's length"},
      {std::string(7, '\0'), "7 bytes long, too short for the header's length"},
      {little_endian(0), "the header does not begin with '{'"},
      {little_endian(5), "a header of 5 bytes does not fit the file of 8; the file is truncated"},
      {little_endian(100'000'001) + "{}", "a header of 100000001 bytes, at most 100000000"},
      {little_endian(100'000'000) + "{}",
       "a header of 100000000 bytes does not fit the file of 10"},
      {little_endian(UINT64_MAX) + "{}", "a header of 18446744073709551615 bytes, at most"},
      {little_endian(uint64_t{1} << 63) + "{}", "a header of 9223372036854775808 bytes, at most"},
      {safetensors(good, "xx").substr(0, 30), "does not fit the file of 30"},
      // Other files.
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer; fetch"},
      {"PK\3\4 and more bytes", "a zip archive, as PyTorch writes"},
      {"GGUF and more bytes", "a GGUF file; convert it"},
      {"<!DOCTYPE html><html></html>", "a web page; download the file again"},
      // JSON.
      {safetensors(" " + good, "xx"), "the header does not begin with '{'"},
      {safetensors("[]"), "the header does not begin with '{'"},
      {safetensors("{"), "not valid JSON at byte"},
      {safetensors(good + "}", "xx"), "not valid JSON at byte"},
      {safetensors(good + "{}", "xx"), "not valid JSON at byte"},
      {safetensors(good.substr(0, good.size() - 1), "xx"), "not valid JSON at byte"},
      {safetensors(good + std::string(3, '\0'), "xx"), "not valid JSON at byte"},
      {safetensors("{\"\xff\xfe\":1}"), "not UTF-8 at byte"},
      {safetensors("{\"\xc0\xaf\":1}"), "not UTF-8 at byte"},
      {safetensors("{\"\xed\xa0\x80\":1}"), "not UTF-8 at byte"},
      {safetensors(R"({"\ud800":1})"), "not valid JSON at byte"},
      {safetensors(R"({'t':1})"), "not valid JSON at byte"},
      {safetensors(R"({"t":1,})"), "1 is a number in the entry of tensor \"t\""},
      {safetensors(tensor("U8", "[NaN]", "[0,2]"), "xx"), "not valid JSON at byte"},
      {safetensors(tensor("U8", "[2]", "[0,Infinity]"), "xx"), "not valid JSON at byte"},
      {safetensors(tensor("U8", "[02]", "[0,2]"), "xx"), "not valid JSON at byte"},
      {safetensors(std::string(200'000, '[')), "does not begin with '{'"},
      {safetensors("{\"t\":" + std::string(200'000, '[')), "a list is not expected"},
      {safetensors("{\"t\":" + std::string(20'000, '{')), "not valid JSON at byte"},
      {safetensors(R"({"t":{"shape":)" + std::string(200'000, '[')), "a list is not expected"},
      // Names and keys.
      {safetensors("{" + good.substr(1, good.size() - 2) + "," + good.substr(1), "xx"),
       "tensor \"t\" is there twice"},
      {safetensors(R"({"__metadata__":{},"__metadata__":{}})"), "__metadata__ is there twice"},
      {safetensors(R"({"a\u0000b":{}})"), "the tensor name \"a\\x00b\" holds a zero byte"},
      {safetensors(R"({"t":{}})"), "tensor \"t\": dtype is missing"},
      {safetensors(R"({"t":{"dtype":"U8"}})"), "tensor \"t\": shape is missing"},
      {safetensors(R"({"t":{"dtype":"U8","shape":[]}})"), "tensor \"t\": data_offsets is missing"},
      {safetensors(R"({"t":{"dtype":"U8","dtype":"U8"}})"), "tensor \"t\": dtype is there twice"},
      {safetensors(R"({"t":{"shape":[1],"shape":[1]}})"), "tensor \"t\": shape is there twice"},
      {safetensors(R"({"t":{"strides":[1]}})"), "tensor \"t\": unknown key \"strides\""},
      {safetensors(R"({"t":null})"), "\"null\" is not expected in the entry of tensor \"t\""},
      {safetensors(R"({"t":"U8"})"), "\"U8\" is text in the entry of tensor \"t\""},
      {safetensors(R"({"t":["U8",[2],[0,2]]})"), "a list is not expected"},
      // Metadata.
      {safetensors(R"({"__metadata__":7})"), "7 is a number in __metadata__"},
      {safetensors(R"({"__metadata__":null})"), "\"null\" is not expected in __metadata__"},
      {safetensors(R"({"__metadata__":{"a":1}})"), "1 is a number in __metadata__, which maps"},
      {safetensors(R"({"__metadata__":{"a":{}}})"), "an object is not expected in __metadata__"},
      {safetensors(R"({"__metadata__":{"a":["b"]}})"), "a list is not expected in __metadata__"},
      {safetensors(R"({"__metadata__":{"a":true}})"), "\"true\" is not expected in __metadata__"},
      {safetensors(R"({"__metadata__":{"a":"1","a":"2"}})"),
       "__metadata__ has the key \"a\" twice"},
      // Types.
      {safetensors(tensor("F31", "[2]", "[0,2]"), "xx"), "tensor \"t\": unknown dtype \"F31\""},
      {safetensors(tensor("u8", "[2]", "[0,2]"), "xx"), "tensor \"t\": unknown dtype \"u8\""},
      {safetensors(R"({"t":{"dtype":8}})"), "8 is a number in the entry of tensor \"t\""},
      {safetensors(R"({"t":{"dtype":["U8"]}})"), "a list is not expected"},
      {safetensors(R"({"t":{"shape":2}})"), "2 is a number in the entry"},
      {safetensors(R"({"t":{"shape":"[2]"}})"), "is text in the entry"},
      {safetensors(R"({"t":{"shape":{}}})"), "an object is not expected"},
      {safetensors(R"({"t":{"shape":[[2]]}})"), "a list is not expected"},
      {safetensors(R"({"t":{"shape":[{}]}})"), "an object is not expected"},
      {safetensors(tensor("U8", "[\"2\"]", "[0,2]"), "xx"), "\"2\" is text"},
      // Shapes.
      {safetensors(tensor("U8", "[-2]", "[0,2]"), "xx"), "\"-2\" in shape is not a natural number"},
      {safetensors(tensor("U8", "[2.0]", "[0,2]"), "xx"), "\"2.0\" in shape is not a natural"},
      {safetensors(tensor("U8", "[2e0]", "[0,2]"), "xx"), "\"2e0\" in shape is not a natural"},
      {safetensors(tensor("U8", "[null]", "[0,2]"), "xx"), "\"null\" in shape is not a natural"},
      {safetensors(tensor("U8", "[18446744073709551615]", "[0,2]"), "xx"),
       "18446744073709551615 in shape does not fit 63 bits"},
      {safetensors(tensor("U8", "[18446744073709551618]", "[0,2]"), "xx"),
       "\"18446744073709551618\" in shape is not a natural number"},
      {safetensors(tensor("U8", "[4194305,4194305,211106198978564]", "[0,4]"), "xxxx"),
       "has more elements than 64 bits count"},
      {safetensors(tensor("F64", "[2305843009213693952]", "[0,0]")),
       "more bits than 64 bits count"},
      {safetensors(tensor("U8", "[1" + std::string(200, ' ') + "]", "[0,2]"), "xx"),
       "tensor \"t\": U8 [1] takes 1 bytes, but its data_offsets hold 2"},
      {safetensors(tensor("F32", "[2]", "[0,2]"), "xx"), "F32 [2] takes 8 bytes, but"},
      {safetensors(tensor("F4", "[3]", "[0,2]"), "xx"), "3 elements of F4 do not fill whole bytes"},
      {safetensors(tensor("F6_E2M3", "[2]", "[0,2]"), "xx"), "2 elements of F6_E2M3 do not fill"},
      {safetensors(R"({"t":{"shape":[1)" +
                   [] {
                     std::string more;
                     for (int i = 0; i < 64; ++i) more += ",1";
                     return more;
                   }() +
                   "]}}"),
       "tensor \"t\": more than 64 dimensions"},
      // Offsets.
      {safetensors(tensor("U8", "[2]", "[0]"), "xx"), "1 data_offsets instead of 2"},
      {safetensors(tensor("U8", "[2]", "[]"), "xx"), "0 data_offsets instead of 2"},
      {safetensors(tensor("U8", "[2]", "[0,2,4]"), "xx"), "more than two data_offsets"},
      {safetensors(tensor("U8", "[2]", "[2,0]"), "xx"), "ends at 0, before it begins at 2"},
      {safetensors(tensor("U8", "[2]", "[-1,1]"), "xx"), "\"-1\" in data_offsets is not a natural"},
      {safetensors(tensor("U8", "[2]", "[-0,2]"), "xx"), "in data_offsets is not a natural"},
      {safetensors(tensor("U8", "[2]", "[0,2.5]"), "xx"),
       "\"2.5\" in data_offsets is not a natural"},
      {safetensors(tensor("U8", "[2]", "[0,1e999]"), "xx"), "not valid JSON at byte"},
      {safetensors(tensor("U8", "[2]", "[0,9223372036854775808]"), "xx"),
       "9223372036854775808 in data_offsets does not fit 63 bits"},
      {safetensors(tensor("U8", "[2]", "[9223372036854775805,9223372036854775807]"), "xx"),
       "begins at 9223372036854775805, after a hole: the data before it ends at 0"},
      {safetensors(tensor("U8", "[2]", "[1,3]"), "xxx"), "begins at 1, after a hole:"},
      {safetensors(two("[0,2]", "[3,5]"), "xxxxx"), "tensor \"b\": begins at 3, after a hole:"},
      {safetensors(two("[0,2]", "[1,3]"), "xxx"), "tensor \"b\": begins at 1, an overlap:"},
      {safetensors(two("[0,2]", "[0,2]"), "xx"),
       "begins at 0, an overlap: the data before it ends"},
      // The end of the file.
      {safetensors(good, "x"), "describes 2 bytes of data, 1 are there; the file is truncated"},
      {safetensors(good), "describes 2 bytes of data, 0 are there; the file is truncated"},
      {safetensors(good, "xxPK"), "describes 2 bytes of data, 4 are there"},
      {safetensors("{}", "x"), "describes 0 bytes of data, 1 are there"},
  };
}

TEST(SafetensorsErrors, NameTheFileAndTheProblem) {
  const TemporaryDirectory dir;
  const auto path = dir / "bad.safetensors";
  for (const Row& row : rows()) {
    put(path, row.bytes);
    SCOPED_TRACE("expected: " + row.text);
    expect_error(Kind::format, row.text, [&] { SafetensorsFile{path}; });
    expect_error(Kind::format, path.string(), [&] { SafetensorsSource{{path}}; });
  }
  EXPECT_GE(rows().size(), 60u);
}

TEST(SafetensorsErrors, EveryTruncationIsSeen) {
  const TemporaryDirectory dir;
  const auto path = dir / "bad.safetensors";
  const std::string good = safetensors(two("[0,2]", "[2,4]"), "abcd");
  put(path, good);
  EXPECT_NO_THROW(SafetensorsFile{path});
  for (size_t size = 0; size < good.size(); ++size) {
    put(path, good.substr(0, size));
    expect_error(Kind::format, path.string(), [&] { SafetensorsFile{path}; });
  }
}

TEST(SafetensorsErrors, AMessageHoldsNoControlCharacters) {
  const TemporaryDirectory dir;
  const auto path = dir / "bad.safetensors";
  put(path, safetensors("{\"\\u001b[31m\\u009b" + std::string(5000, 'x') + "\":{}}"));
  try {
    const SafetensorsFile file(path);
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
    EXPECT_LT(text.size(), 600u);
  }
}

std::string many(size_t count, const std::function<std::string(size_t)>& entry) {
  std::string json = "{";
  for (size_t i = 0; i < count; ++i) json += (i > 0 ? "," : "") + entry(i);
  return json + "}";
}

std::string repeated(std::string_view text, size_t bytes) {
  std::string all;
  all.reserve(bytes + text.size());
  while (all.size() < bytes) all += text;
  return all;
}

constexpr std::string_view kEmptyTensor = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";

std::string entry(std::string_view prefix, size_t i) {
  return '"' + std::string(prefix) + std::to_string(i) + "\":" + std::string(kEmptyTensor);
}

struct Bomb {
  std::string name;
  std::function<std::string()> header;  // made one at a time, so that the test itself stays small
  std::string text;                     // none: the file is read
};

std::vector<Bomb> bombs() {
  constexpr size_t kSize = 99'000'000, kPart = 17'000'000;
  const std::string border = "bytes of JSON without a border";
  return {
      {"a million tensors", [] { return many(1'000'000, [](size_t i) { return entry("", i); }); },
       "more than 500000 tensors in one file"},
      {"a million times one tensor",
       [] { return many(1'000'000, [](size_t) { return entry("", 0); }); },
       "more than 500000 tensors in one file"},
      {"as many tensors as are read",
       [] {
         const std::string prefix(90, 'n');
         return many(450'000, [&](size_t i) { return entry(prefix, i); });
       },
       ""},
      {"a million keys of metadata",
       [] {
         return R"({"__metadata__":)" +
                many(1'000'000, [](size_t i) { return '"' + std::to_string(i) + R"(":"")"; }) + "}";
       },
       "__metadata__ has more than 100000 entries"},
      {"a name of 99 MB", [] { return "{\"" + std::string(kSize, 'x') + "\":{}}"; }, border},
      {"a name of 15 MB", [] { return "{\"" + repeated("x", 15'000'000) + "\":{}}"; },
       "dtype is missing"},
      {"17 MB of digits", [] { return R"({"t":{"shape":[)" + std::string(kPart, '1') + "]}}"; },
       border},
      {"99 MB of blanks", [] { return "{" + std::string(kSize, ' ') + "}"; }, border},
      {"17 MB of escapes", [] { return "{\"" + repeated("\\u0041", kPart) + "\":1}"; }, border},
      {"17 MB of brackets", [] { return "{\"t\":" + std::string(kPart, '['); }, border},
      {"15 MB of brackets", [] { return "{\"t\":" + repeated("[", 15'000'000); },
       "a list is not expected"},
      {"a shape of 40 million extents",
       [] { return R"({"t":{"shape":[1)" + repeated(",1", 80'000'000) + "]}}"; },
       "more than 64 dimensions"},
  };
}

TEST(SafetensorsErrors, HeaderBombsAreBounded) {
  const TemporaryDirectory dir;
  const auto path = dir / "bomb.safetensors";
  for (const Bomb& bomb : bombs()) {
    put(path, safetensors(bomb.header()));
    SCOPED_TRACE(bomb.name);
    const auto work = [&] {
      try {
        const SafetensorsSource source({path});
        return bomb.text.empty() && source.tensors().size() == 450'000;
      } catch (const Error& error) {
        return !bomb.text.empty() && error.kind() == Kind::format &&
               std::string_view(error.what()).find(bomb.text) != std::string_view::npos;
      }
    };
    expect_cheap(work, std::filesystem::file_size(path));
  }
}

}  // namespace
}  // namespace bascule
