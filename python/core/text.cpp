#include "python/core/text.h"

#include "base/check.h"

namespace bascule::python {

namespace nb = nanobind;

nb::str text(std::string_view utf8) {
  PyObject* made =
      ::PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "surrogateescape");
  if (made == nullptr) throw nb::python_error();
  return nb::steal<nb::str>(made);
}

std::string utf8(nb::handle text) {
  Py_ssize_t size = 0;
  const char* bytes = ::PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (bytes == nullptr) throw nb::python_error();
  return {bytes, static_cast<size_t>(size)};
}

std::string path(nb::handle given, std::string_view name) {
  PyObject* encoded = nullptr;
  if (::PyUnicode_FSConverter(given.ptr(), static_cast<void*>(&encoded)) == 0)
    throw nb::python_error();
  const auto bytes = nb::steal<nb::bytes>(encoded);
  require(bytes.size() > 0, Kind::user, "{} is empty", name);
  return {bytes.c_str(), bytes.size()};
}

}  // namespace bascule::python
