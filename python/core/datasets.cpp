#include "python/core/datasets.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <vector>

#include "base/check.h"
#include "cli/progress.h"
#include "cli/tokenizing.h"
#include "data/dataset_build.h"
#include "data/end_of_sequence.h"
#include "python/core/keywords.h"
#include "python/core/raised.h"
#include "python/core/text.h"
#include "python/core/values.h"
#include "store/hf_directory.h"

namespace bascule::python {
namespace {

namespace nb = nanobind;
using nb::sig;

/// The command line's progress, for work that Python does.
using ProgressLine = cli::Progress;

std::vector<int32_t> numbers_in(const nb::bytes& packed) {
  require(packed.size() % sizeof(int32_t) == 0, Kind::internal, "{} bytes are no whole numbers",
          packed.size());
  std::vector<int32_t> numbers(packed.size() / sizeof(int32_t));
  if (!numbers.empty()) std::memcpy(numbers.data(), packed.c_str(), packed.size());
  return numbers;
}

std::vector<std::filesystem::path> paths_in(const nb::tuple& given) {
  std::vector<std::filesystem::path> paths;
  paths.reserve(given.size());
  for (const nb::handle each : given) paths.emplace_back(path(each, "output"));
  return paths;
}

void make_build(DatasetBuild* place, nb::handle target, const nb::tuple& prefixes,
                int64_t vocabulary, const std::string& made_of, bool overwrite) {
  const std::string whole = path(target, "output");
  std::vector<std::filesystem::path> all = paths_in(prefixes);
  unlocked([&] {
    new (place)
        DatasetBuild(whole, std::move(all), type_for_vocabulary(vocabulary), made_of, overwrite);
  });
}

void add(DatasetBuild& build, size_t dataset, const nb::bytes& tokens, const nb::bytes& lengths,
         const nb::bytes& documents) {
  const std::vector<int32_t> all = numbers_in(tokens), each = numbers_in(lengths),
                             whole = numbers_in(documents);
  unlocked([&] { build.add(dataset, all, each, whole); });
}

nb::object notices(const DatasetBuild& build) {
  nb::list all;
  for (const std::string& each : build.notices()) all.append(text(each));
  return nb::tuple(all);
}

nb::object tokenizing(const nb::dict& keywords) {
  cli::Tokenizing told;
  store(keywords, cli::tokenizing_options(told));
  return value(cli::settled(told));
}

nb::object tokenizer_directory(nb::handle path_or_id) {
  const std::string given = path(path_or_id, "tokenizer");
  return text(unlocked([&] { return resolve_hf(given).string(); }));
}

std::optional<int64_t> end_of_sequence_in(nb::handle directory) {
  const std::string given = path(directory, "tokenizer");
  return unlocked([&] { return end_of_sequence(given); });
}

}  // namespace

#define BASCULE_A_PATH "str | os.PathLike[str]"

void define_datasets(nb::module_& module) {
  module.def("tokenizing", tokenizing,
             sig("def tokenizing(keywords: dict[str, object], /) -> bascule.reports.Tokenizing"));
  module.def("tokenizer_directory", tokenizer_directory,
             sig("def tokenizer_directory(path_or_id: " BASCULE_A_PATH ", /) -> str"));
  module.def("end_of_sequence", end_of_sequence_in,
             sig("def end_of_sequence(directory: " BASCULE_A_PATH ", /) -> int | None"));

  nb::class_<DatasetBuild>(module, "DatasetBuild",
                           "Indexed datasets in the making, which survive being killed.")
      .def("__init__", make_build,
           sig("def __init__(self, target: " BASCULE_A_PATH ", prefixes: tuple[" BASCULE_A_PATH
               ", ...], vocabulary: int, made_of: str, overwrite: bool, /) -> None"))
      .def_prop_ro("position", [](const DatasetBuild& build) { return build.position(); })
      .def_prop_ro("complete", &DatasetBuild::complete)
      .def_prop_ro("notices", notices, sig("def notices(self, /) -> tuple[str, ...]"))
      .def("add", add,
           sig("def add(self, dataset: int, tokens: bytes, lengths: bytes, documents: bytes, /) -> "
               "None"))
      .def(
          "record",
          [](DatasetBuild& build, const std::string& position) {
            unlocked([&] { build.record(position); });
          },
          sig("def record(self, position: str, /) -> None"))
      .def(
          "finish",
          [](DatasetBuild& build) { return value(unlocked([&] { return build.finish(); })); },
          sig("def finish(self, /) -> tuple[bascule.reports.Dataset, ...]"));

  nb::class_<ProgressLine>(module, "ProgressLine", "The command line's progress, on stderr.")
      .def(
          "__init__",
          [](ProgressLine* place) { new (place) ProgressLine(cli::look_at(STDERR_FILENO), false); },
          sig("def __init__(self) -> None"))
      .def(
          "phase",
          [](ProgressLine& line, const std::string& name, int64_t bytes) {
            line.phase(name, bytes);
          },
          sig("def phase(self, name: str, total_bytes: int, /) -> None"))
      .def("advance", &ProgressLine::advance, sig("def advance(self, bytes: int, /) -> None"))
      .def(
          "note", [](ProgressLine& line, const std::string& text) { line.note(text); },
          sig("def note(self, text: str, /) -> None"))
      .def(
          "warn", [](ProgressLine& line, const std::string&) { line.finish(); },
          sig("def warn(self, text: str, /) -> None"))
      .def("finish", &ProgressLine::finish, sig("def finish(self, /) -> None"));
}

}  // namespace bascule::python
