// Files that travel along: which there are, and that none replaces a part of the result.
#include "bridge/travel.h"

#include <sys/stat.h>

#include "unit/base/temporary_directory.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

TEST(Travel, ListsFilesByName) {
  const TemporaryDirectory directory;
  put(directory / "b", "1");
  fs::create_directory(directory / "a");
  put(directory / "a" / "c", "2");
  fs::create_symlink("b", directory / "d");
  EXPECT_EQ(files_that_travel(directory.path()), (std::vector<std::string>{"a/c", "b", "d"}));
  EXPECT_TRUE(files_that_travel(directory / "absent").empty());
}

TEST(Travel, RefusesWhatIsNoFile) {
  const TemporaryDirectory directory;
  ASSERT_EQ(::mkfifo((directory / "pipe").c_str(), 0600), 0);
  expect_error(Kind::format, {"pipe is not a regular file"},
               [&] { files_that_travel(directory.path()); });
  fs::remove(directory / "pipe");
  fs::create_symlink("nothing", directory / "link");
  expect_error(Kind::format, {"link is not a regular file"},
               [&] { files_that_travel(directory.path()); });
  fs::remove(directory / "link");
  fs::create_symlink("loop", directory / "loop");
  expect_error(Kind::environment, {"loop"}, [&] { files_that_travel(directory.path()); });
}

TEST(Travel, ReplacesNothingThatIsWritten) {
  const TemporaryDirectory directory;
  put(directory / "evil", "x");
  const fs::path target = directory / "target";
  Workspace workspace(target, "0123456789abcdef");
  Manifest manifest;
  write_file("model.safetensors", "weights", workspace, manifest);
  for (const char* name : {"model.safetensors", "bascule/manifest.json"})
    expect_error(Kind::format, {"evil would replace", name}, [&] {
      copy_files({{directory / "evil", name}}, workspace, manifest);
    });
  write_file("assets/picture", "x", workspace, manifest);
  for (const char* name : {"assets", "bascule"})
    expect_error(Kind::format, {"evil would replace the folder", name, "rename or remove it"}, [&] {
      copy_files({{directory / "evil", name}}, workspace, manifest);
    });
  expect_error(Kind::format, {"evil cannot be copied: model.safetensors is a file"}, [&] {
    copy_files({{directory / "evil", "model.safetensors/x"}}, workspace, manifest);
  });
  manifest.files.erase("assets/picture");
  copy_files({{directory / "evil", "other"}}, workspace, manifest);
  EXPECT_EQ(contents(workspace.path_of("model.safetensors")), "weights");
  EXPECT_EQ(manifest.files.size(), 2u);
}

}  // namespace
}  // namespace bascule
