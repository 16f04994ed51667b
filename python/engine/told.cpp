#include "python/engine/told.h"

#include <utility>

#include "python/core/text.h"

namespace bascule::python {

namespace nb = nanobind;

void check_signals() {
  const nb::gil_scoped_acquire locked;
  if (::PyErr_CheckSignals() != 0) throw nb::python_error();
}

Told::Told(nb::object listener) : listener_(std::move(listener)) {}

void Told::phase(std::string_view name, int64_t total_bytes) {
  const nb::gil_scoped_acquire locked;
  listener_.attr("phase")(text(name), total_bytes);
}

void Told::advance(int64_t bytes) {
  bytes_ += bytes;
  if (std::this_thread::get_id() != home_) return;
  check_signals();
  const nb::gil_scoped_acquire locked;
  listener_.attr("advance")(bytes_.exchange(0));
}

void Told::note(std::string_view what) {
  const nb::gil_scoped_acquire locked;
  listener_.attr("note")(text(what));
}

void Told::warn(std::string_view what) {
  const nb::gil_scoped_acquire locked;
  listener_.attr("warn")(text(what));
}

}  // namespace bascule::python
