#include "python/core/raised.h"

#include "python/core/text.h"

namespace bascule::python {

void raise(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    const nanobind::object type =
        nanobind::module_::import_("bascule.errors").attr("BY_KIND")[text(name(error.kind()))];
    ::PyErr_SetObject(type.ptr(), text(error.what()).ptr());
  }
}

}  // namespace bascule::python
