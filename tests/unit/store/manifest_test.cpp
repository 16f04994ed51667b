#include "store/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "base/file.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/store/safetensors_bytes.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class Listener final : public Reporter {
 public:
  void phase(std::string_view, int64_t bytes) override { total = bytes; }
  void advance(int64_t bytes) override { done += bytes; }
  void note(std::string_view text) override {
    const std::lock_guard lock(mutex_);
    notes.emplace_back(text);
  }
  void warn(std::string_view) override {}

  int64_t total = 0;
  std::atomic<int64_t> done = 0;
  std::vector<std::string> notes;

 private:
  std::mutex mutex_;
};

TEST(Manifest, GoesToJsonAndBack) {
  Manifest manifest;
  manifest.files["b/c"] = {7, {1, 2}};
  manifest.files["a \"b\" é"] = {0, hash_of("")};
  EXPECT_EQ(parse_manifest(to_json(manifest), "m"), manifest);
  EXPECT_EQ(parse_manifest(to_json({}), "m"), Manifest{});
  Manifest one;
  one.files["a"] = {3, {1, 2}};
  EXPECT_EQ(to_json(one), R"({
  "version": 1,
  "files": {
    "a": {
      "size": 3,
      "xxh3_128": "00000000000000010000000000000002"
    }
  }
}
)");
}

TEST(Manifest, IsParsedStrictly) {
  const std::string digest = R"("xxh3_128":"00000000000000010000000000000002")";
  const auto file = [&](const std::string& name, const std::string& entry) {
    return R"({"version":1,"files":{")" + name + "\":" + entry + "}}";
  };
  const std::string good = R"({"size":3,)" + digest + "}";
  struct Row {
    std::string json, text;
  };
  const std::vector<Row> rows = {
      {"", "not valid JSON"},
      {"[]", "a list is not expected"},
      {"1", "1 is not expected"},
      {"{}", "lacks its version or its files"},
      {R"({"version":1})", "lacks its version or its files"},
      {R"({"files":{}})", "lacks its version or its files"},
      {R"({"version":2,"files":{}})", "version 2, and only 1 is known"},
      {R"({"version":"1","files":{}})", "is not expected at \"version\""},
      {R"({"version":1,"version":1,"files":{}})", "\"version\" is there twice"},
      {R"({"version":1,"files":{},"files":{}})", "\"files\" is there twice"},
      {R"({"version":1,"files":{},"more":1})", "the key \"more\" is unknown"},
      {R"({"version":1,"files":[]})", "a list is not expected"},
      {R"({"version":1,"files":7})", "7 is not expected at \"files\""},
      {R"({"version":{},"files":{}})", "an object is not expected at \"version\""},
      {file("a", "1"), "1 is not expected at \"a\""},
      {file("a", "{}"), "\"a\" lacks its size or its xxh3_128"},
      {file("a", R"({"size":3})"), "\"a\" lacks its size or its xxh3_128"},
      {file("a", "{" + digest + "}"), "\"a\" lacks its size or its xxh3_128"},
      {file("a", R"({"size":-1,)" + digest + "}"), "-1 is not expected at \"size\""},
      {file("a", R"({"size":1.0,)" + digest + "}"), "1.0 is not expected at \"size\""},
      {file("a", R"({"size":18446744073709551615,)" + digest + "}"), "is not expected at \"size\""},
      {R"({"version":1,"files":{"a":{"size":4611686018427387904,)" + digest +
           R"(},"b":{"size":1,)" + digest + "}}}",
       "1 is not expected at \"size\""},
      {file("a", R"({"size":3,"size":3,)" + digest + "}"), "\"size\" is there twice"},
      {file("a", R"({"size":3,"xxh3_128":"12"})"), "\"12\" is not an XXH3-128 digest"},
      {file("a", R"({"size":3,"xxh3_128":{}})"), "an object is not expected"},
      {file("a", R"({"size":3,"sha":"12"})"), "the key \"sha\" is unknown"},
      {R"({"version":1,"files":{"a":)" + good + ",\"a\":" + good + "}}", "\"a\" is there twice"},
      {file("../a", good), "the name \"../a\" leaves the directory"},
      {file("/etc/passwd", good), "the name \"/etc/passwd\" leaves the directory"},
      {file("a/../../b", good), "leaves the directory"},
      {file("a/", good), "leaves the directory"},
      {file("", good), "leaves the directory"},
      {file("..", good), "leaves the directory"},
      {file("a\\u0000", good), "leaves the directory"},
  };
  EXPECT_NO_THROW(parse_manifest(file("a", good), "m"));
  for (const Row& row : rows) {
    SCOPED_TRACE(row.json);
    expect_error(Kind::format, row.text, [&] { parse_manifest(row.json, "m"); });
    expect_error(Kind::format, "m: ", [&] { parse_manifest(row.json, "m"); });
  }
}

TEST(Manifest, CheckFindsWhatChanged) {
  const TemporaryDirectory dir;
  Manifest manifest;
  NullReporter silent;
  for (const std::string name : {"a", "b", "c", "deep/d", "empty", "link"}) {
    put(dir / name, name == "empty" ? "" : counting(3'000'000) + name);
    manifest.files[name] = describe_file(dir / name, silent);
  }
  put(dir / kManifestName, to_json(manifest));
  Listener listener;
  EXPECT_THAT(check(dir.path(), manifest, listener), ElementsAre());
  EXPECT_EQ(listener.done, listener.total);
  EXPECT_GT(listener.total, 12'000'000);
  EXPECT_THAT(listener.notes, ElementsAre());

  {
    const File file = File::modify(dir / "a");  // one bit, in the middle
    file.pwrite_all(1'500'000, as_bytes("\x7f"));
    fs::resize_file(dir / "b", 5);
    fs::remove(dir / "deep/d");
    fs::remove(dir / "link");
    fs::create_symlink("c", dir / "link");
    put(dir / "more", "x");
  }
  EXPECT_THAT(check(dir.path(), manifest, listener),
              ElementsAre(HasSubstr("a holds other bytes: XXH3-128 "),
                          "b is 5 bytes long instead of 3000001", "deep/d is absent",
                          HasSubstr("link is 3000001 bytes long instead of")));
  EXPECT_THAT(listener.notes, ElementsAre("more is not in the manifest and was not checked"));
  EXPECT_EQ(check(dir.path(), manifest, silent, 1).size(), 4u);
}

}  // namespace
}  // namespace bascule
