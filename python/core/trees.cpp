#include "python/core/trees.h"

#include "python/core/text.h"

namespace bascule::python {
namespace {

namespace nb = nanobind;

std::optional<Tree> integer_of(nb::handle object) {
  const nb::object index = nb::steal(::PyNumber_Index(object.ptr()));
  if (!index.is_valid()) throw nb::python_error();
  int overflow = 0;
  const int64_t value = ::PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow != 0) return std::nullopt;
  return Tree(value);
}

std::optional<Tree> list_of(nb::handle object) {
  Tree list = Tree::list();
  for (const nb::handle item : object) {
    std::optional<Tree> value = tree_of(item);
    if (!value) return std::nullopt;
    list.push_back(std::move(*value));
  }
  return list;
}

std::optional<Tree> map_of(nb::handle object) {
  Tree map = Tree::map();
  for (const auto& [key, item] : nb::borrow<nb::dict>(object)) {
    std::optional<Tree> value = nb::isinstance<nb::str>(key) ? tree_of(item) : std::nullopt;
    if (!value) return std::nullopt;
    map.set(utf8(key), std::move(*value));
  }
  return map;
}

}  // namespace

nb::object object_of(const Tree& tree) {
  switch (tree.type()) {
    case Tree::Type::null:
      return nb::none();
    case Tree::Type::boolean:
      return nb::bool_(tree.boolean());
    case Tree::Type::integer:
      return nb::int_(tree.integer());
    case Tree::Type::real:
      return nb::float_(tree.real());
    case Tree::Type::string:
      return text(tree.string());
    case Tree::Type::list: {
      nb::list items;
      for (const Tree& item : tree.list_items()) items.append(object_of(item));
      return nb::tuple(items);
    }
    case Tree::Type::map:
      break;
  }
  nb::dict entries;
  for (const Tree::Entry& entry : tree.entries()) entries[text(entry.key)] = object_of(entry.value);
  return entries;
}

std::optional<Tree> tree_of(nb::handle object) {
  if (object.is_none()) return Tree();
  if (nb::isinstance<nb::bool_>(object)) return Tree(object.ptr() == Py_True);
  if (nb::isinstance<nb::float_>(object)) return Tree(nb::cast<double>(object));
  if (nb::isinstance<nb::str>(object)) return Tree(utf8(object));
  if (nb::isinstance<nb::list>(object) || nb::isinstance<nb::tuple>(object)) return list_of(object);
  if (nb::isinstance<nb::dict>(object)) return map_of(object);
  if (::PyIndex_Check(object.ptr()) != 0) return integer_of(object);
  if (nb::hasattr(object, "__fspath__")) return Tree(path(object, "a path"));
  return std::nullopt;
}

}  // namespace bascule::python
