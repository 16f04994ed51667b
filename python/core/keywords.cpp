#include "python/core/keywords.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/shown.h"
#include "python/core/text.h"

namespace bascule::python {
namespace {

namespace nb = nanobind;

std::string option_name(std::string keyword) {
  std::replace(keyword.begin(), keyword.end(), '_', '-');
  return "--" + keyword;
}

void store_one(const std::string& keyword, const cli::Option& option, nb::handle value) {
  const bool set = value.ptr() == Py_True;
  const auto given = utf8(nb::str(value));
  require(option.flag() == set, Kind::user, "{} takes {}, not {}", keyword,
          option.flag() ? "True or False" : "a value", shown(given));
  try {
    option.take(set ? std::string() : given);
  } catch (const Error& error) {  // which names the option, not the keyword
    const std::string_view said = error.message();
    if (!said.starts_with(option.name)) throw;
    fail(error.kind(), "{}{}", keyword, said.substr(option.name.size()));
  }
}

}  // namespace

void store(const nb::dict& keywords, const std::vector<cli::Option>& options) {
  for (const auto& [key, value] : keywords) {
    if (value.is_none() || value.ptr() == Py_False) continue;
    const auto keyword = utf8(key);
    const auto option = std::find_if(
        options.begin(), options.end(),
        [name = option_name(keyword)](const cli::Option& each) { return each.name == name; });
    require(option != options.end(), Kind::internal, "there is no option for {}", keyword);
    const bool many = nb::isinstance<nb::list>(value) || nb::isinstance<nb::tuple>(value);
    require(!many || option->repeatable, Kind::user, "{} takes one value", keyword);
    if (!many) {
      store_one(keyword, *option, value);
      continue;
    }
    for (const nb::handle each : value) store_one(keyword, *option, each);
  }
}

}  // namespace bascule::python
