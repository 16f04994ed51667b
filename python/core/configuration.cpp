#include "python/core/configuration.h"

#include <nanobind/stl/string.h>

#include "base/check.h"
#include "python/core/raised.h"
#include "python/core/text.h"
#include "python/core/trees.h"
#include "recipe/configuration.h"
#include "recipe/library.h"
#include "settings/nearest.h"

namespace bascule::python {
namespace {

namespace nb = nanobind;
using nb::sig;

/// Runs `work`. An Error of it is raised as one that is an AttributeError, too.
template <class Work>
auto of_attribute(Work work) {
  try {
    return work();
  } catch (const Error& error) {
    const nb::object type =
        nb::module_::import_("bascule.errors").attr("OF_SETTINGS")[text(name(error.kind()))];
    ::PyErr_SetObject(type.ptr(), text(error.what()).ptr());
    throw nb::python_error();
  }
}

void make(Configuration* made, const std::string& recipe, const std::string& place) {
  new (made) Configuration(recipe, place);
}

Configuration read(nb::handle file) { return Configuration::of_file(path(file, "path")); }

nb::object get(const Configuration& configuration, const std::string& path) {
  return of_attribute([&] { return object_of(configuration.get(path)); });
}

void set(Configuration& configuration, const std::string& path, nb::handle value) {
  of_attribute([&] { configuration.require_setting(path); });
  configuration.set(path, tree_of(value), utf8(nb::repr(value)));
}

nb::tuple tuple_of(const std::vector<std::string>& texts) {
  nb::list all;
  for (const std::string& each : texts) all.append(text(each));
  return nb::tuple(all);
}

/// A checked recipe's values, with BASCULE_OVERRIDES.
nb::str resolved(const Configuration& configuration) {
  return text(to_annotated_yaml(resolve_text(configuration.yaml(), kProgram)));
}

}  // namespace

void add_configuration(nb::module_& module) {
  nb::class_<Configuration>(module, "Configuration")
      .def("__init__", make, sig("def __init__(self, text: str, place: str, /) -> None"))
      .def_static("read", read, sig("def read(path: str | os.PathLike[str], /) -> Configuration"))
      .def(
          "copy", [](const Configuration& self) { return Configuration(self); },
          sig("def copy(self, /) -> Configuration"))
      .def(
          "names",
          [](const Configuration& self, const std::string& group) {
            return tuple_of(self.names(group));
          },
          sig("def names(self, group: str, /) -> tuple[str, ...]"))
      .def("get", get, sig("def get(self, path: str, /) -> object"))
      .def("set", set, nb::arg("path"), nb::arg("value").none(),
           sig("def set(self, path: str, value: object, /) -> None"))
      .def(
          "yaml", [](const Configuration& self) { return text(self.yaml()); },
          sig("def yaml(self, /) -> str"))
      .def(
          "annotated", [](const Configuration& self) { return text(self.annotated()); },
          sig("def annotated(self, /) -> str"))
      .def("resolved", resolved, sig("def resolved(self, /) -> str"))
      .def("check_model", &Configuration::check_model, sig("def check_model(self, /) -> None"));
  module.def(
      "recipe_names", [] { return tuple_of(recipe_names()); },
      sig("def recipe_names() -> tuple[str, ...]"));
  module.def(
      "recipe_about", [](const std::string& name) { return text(recipe_about(name)); },
      sig("def recipe_about(name: str, /) -> str"));
  module.def(
      "did_you_mean",
      [](const std::string& word, const nb::tuple& names) {
        std::vector<std::string> all;
        for (const nb::handle each : names) all.push_back(utf8(each));
        return text(did_you_mean(word, all));
      },
      sig("def did_you_mean(text: str, names: tuple[str, ...], /) -> str"));
}

}  // namespace bascule::python
