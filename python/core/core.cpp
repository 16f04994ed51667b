// bascule._core: what the Python package calls. Its functions take Python's objects as they come
// and return dataclasses; the package around it gives them types, defaults and words.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <optional>

#include "cli/conversion.h"
#include "cli/failure.h"
#include "python/core/configuration.h"
#include "python/core/datasets.h"
#include "python/core/keywords.h"
#include "python/core/raised.h"
#include "python/core/relay.h"
#include "python/core/text.h"
#include "python/core/values.h"

namespace bascule::python {
namespace {

namespace nb = nanobind;

Options options_of(const nb::dict& keywords, cli::Conversion& told,
                   const std::vector<cli::Option>& options) {
  store(keywords, options);
  return cli::settled(told);
}

using OptionsOf = std::vector<cli::Option> (*)(cli::Conversion&);

template <OptionsOf kOptions, cli::Converter kConverter>
nb::object convert(nb::handle source, nb::handle target, const nb::dict& keywords,
                   nb::object listener, bool line) {
  cli::Conversion told{.source = path(source, "source"), .target = path(target, "target")};
  const Options options = options_of(keywords, told, kOptions(told));
  Outcome outcome;
  attend({std::move(listener), line}, [&](Reporter& reporter) {
    outcome = kConverter(told.source, told.target, options, reporter);
  });
  return value(outcome);
}

std::vector<cli::Option> reading_options(cli::Conversion& told) {
  return cli::reading_options(told.options, told.threads);
}

nb::object verify_checkpoint(nb::handle checkpoint, const nb::dict& keywords, nb::object listener,
                             bool line) {
  cli::Conversion told{.source = path(checkpoint, "first")};
  const Options options = options_of(keywords, told, reading_options(told));
  SelfCheck check;
  attend({std::move(listener), line}, [&](Reporter& reporter) {
    check = bascule::verify_checkpoint(told.source, options, reporter);
  });
  return value(check);
}

nb::object verify_checkpoints(nb::handle first, nb::handle second, const nb::dict& keywords,
                              nb::object listener, bool line) {
  cli::Conversion told{.source = path(first, "first"), .target = path(second, "second")};
  const Options options = options_of(keywords, told, reading_options(told));
  Report report;
  attend({std::move(listener), line}, [&](Reporter& reporter) {
    report = bascule::verify_checkpoints(told.source, told.target, options, reporter);
  });
  return value(report);
}

nb::object inspect(nb::handle checkpoint, const nb::dict& keywords) {
  cli::Conversion told{.source = path(checkpoint, "path")};
  const Options options = options_of(keywords, told, reading_options(told));
  return value(unlocked([&] { return bascule::inspect(told.source, options); }));
}

nb::object plan(nb::handle source, const nb::dict& keywords) {
  cli::Planned told;
  told.source = path(source, "source");
  const Options options = options_of(keywords, told, cli::plan_options(told));
  return value(
      unlocked([&] { return plan_listing(told.source, told.to, told.only, told.sizes, options); }));
}

nb::object models() { return value(bascule::models()); }

nb::object doctor() { return value(unlocked(cli::this_machine)); }

/// The process exit code of the command line for a kind of error.
int exit_code_of(const std::string& kind) { return exit_code(cli::kind_called(kind)); }

}  // namespace
}  // namespace bascule::python

// What mypy is told of the functions, which take whatever Python gives them.
#define BASCULE_PATH "str | os.PathLike[str], "
#define BASCULE_KEYWORDS "keywords: dict[str, object], "
#define BASCULE_LISTENER "listener: bascule.progress.Progress, line: bool, /"

NB_MODULE(_core, module) {
  using namespace bascule;
  namespace nb = nanobind;
  using nb::sig;
  nb::register_exception_translator(python::raise);
  module.doc() = "What is compiled of bascule. Use the package's functions, not these.";
  module.attr("version") = version();
  module.attr("torch_version") = BASCULE_TORCH_VERSION;  // of the engine
  module.def("exit_code", python::exit_code_of, sig("def exit_code(kind: str, /) -> int"));
  module.def("import_checkpoint", python::convert<cli::import_options, import_checkpoint>,
             sig("def import_checkpoint(source: " BASCULE_PATH
                 "target: " BASCULE_PATH BASCULE_KEYWORDS BASCULE_LISTENER
                 ") -> bascule.reports.Outcome"));
  module.def("export_checkpoint", python::convert<cli::export_options, export_checkpoint>,
             sig("def export_checkpoint(source: " BASCULE_PATH
                 "target: " BASCULE_PATH BASCULE_KEYWORDS BASCULE_LISTENER
                 ") -> bascule.reports.Outcome"));
  module.def("verify_checkpoint", python::verify_checkpoint,
             sig("def verify_checkpoint(path: " BASCULE_PATH BASCULE_KEYWORDS BASCULE_LISTENER
                 ") -> bascule.reports.SelfCheck"));
  module.def(
      "verify_checkpoints", python::verify_checkpoints,
      sig("def verify_checkpoints(first: " BASCULE_PATH
          "second: " BASCULE_PATH BASCULE_KEYWORDS BASCULE_LISTENER ") -> bascule.reports.Report"));
  module.def(
      "inspect", python::inspect,
      sig("def inspect(path: " BASCULE_PATH BASCULE_KEYWORDS "/) -> bascule.reports.Inspection"));
  module.def(
      "plan", python::plan,
      sig("def plan(source: " BASCULE_PATH BASCULE_KEYWORDS "/) -> bascule.reports.PlanListing"));
  module.def("models", python::models,
             sig("def models() -> tuple[bascule.reports.FamilyInfo, ...]"));
  module.def("doctor", python::doctor, sig("def doctor() -> bascule.reports.Machine"));
  python::add_configuration(module);
  python::define_datasets(module);
}
