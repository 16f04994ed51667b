// Values as text, in Python's spelling where it has one.
#include <fmt/format.h>

#include "base/shown.h"
#include "store/torch_dist/pickle.h"

namespace bascule::pickle {
namespace {

constexpr size_t kLongest = 4096;

class Text {
 public:
  void add(const Value& value) {
    if (out.size() > kLongest) return;
    switch (value.type()) {
      case Type::none:
        out += "None";
        break;
      case Type::boolean:
        out += value.boolean() ? "True" : "False";
        break;
      case Type::integer:
        out += fmt::to_string(value.integer());
        break;
      case Type::number:
        out += fmt::to_string(value.number());
        break;
      case Type::string:
        text(value.string(), '\'');
        break;
      case Type::big_integer:
      case Type::bytes:
        out += fmt::format("<{} of {} bytes>", pickle::name(value.type()), value.bytes().size());
        break;
      case Type::tuple:
        members(value, "(", value.size() == 1 ? ",)" : ")");
        break;
      case Type::list:
        members(value, "[", "]");
        break;
      case Type::set:
        members(value, "set(", ")");
        break;
      case Type::dict:
        pairs(value);
        break;
      case Type::global:
        text(value.module());
        out += '.';
        text(value.name());
        break;
      case Type::object:
        add(value.callable());
        add(value.args());
        if (!value.items().is_none()) add(value.items());
        if (!value.state().is_none()) add(value.state());
        break;
      case Type::persistent:
        out += '@';
        add(value.id());
        break;
    }
  }

  std::string out;

 private:
  // In quotes, or bare; with escapes where a terminal would be told to do something.
  void text(std::string_view text, char quote = 0) {
    std::string quoted = shown(text, kLongest);
    quoted.front() = quoted.back() = quote;
    out += quote != 0 ? quoted : quoted.substr(1, quoted.size() - 2);
  }

  void members(const Value& value, std::string_view begin, std::string_view end) {
    out += begin;
    for (size_t i = 0; i < value.size() && out.size() <= kLongest; ++i) {
      if (i != 0) out += ", ";
      add(value.at(i));
    }
    out += end;
  }

  void pairs(const Value& value) {
    out += '{';
    for (size_t i = 0; i < value.size() && out.size() <= kLongest; ++i) {
      if (i != 0) out += ", ";
      add(value.key(i));
      out += ": ";
      add(value.value(i));
    }
    out += '}';
  }
};

}  // namespace

std::string to_string(const Value& value) {
  Text text;
  text.add(value);
  if (text.out.size() > kLongest) text.out.replace(kLongest, text.out.npos, "...");
  return text.out;
}

}  // namespace bascule::pickle
