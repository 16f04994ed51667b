#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "settings/tree.h"
#include "settings/yaml_scalar.h"

namespace bascule {
namespace {

bool letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// True when the text can stand without quotes. Stricter than YAML: the rest is quoted.
bool plain(std::string_view text) {
  if (text.empty() || ambiguous_plain(text)) return false;
  if (text.starts_with("...")) return false;  // ends a document
  if (!letter_or_digit(text[0]) &&
      std::string_view("_/.$(<").find(text[0]) == std::string_view::npos)
    return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool last = i + 1 == text.size();
    if (c < ' ' || c > '~') return false;
    if (c == ':' && (last || text[i + 1] == ' ')) return false;
    if (c == ' ' && (last || text[i + 1] == '#')) return false;
  }
  return true;
}

/// Decodes one character of UTF-8 and moves past it; U+FFFD for what is none.
uint32_t next_character(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t first = byte(at++);
  if (first < 0x80) return first;
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  uint32_t code = more == 3 ? first & 7 : more == 2 ? first & 15 : first & 31;
  if (more == 0) return 0xFFFD;
  for (int i = 0; i < more; ++i, ++at) {
    if (at >= text.size() || (byte(at) & 0xC0) != 0x80) return 0xFFFD;
    code = code << 6 | (byte(at) & 0x3F);
  }
  return code;
}

std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const uint32_t c = next_character(text, at);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c >= ' ' && c <= '~') {
      out += static_cast<char>(c);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02X}", c);
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04X}", c);
    } else {
      out += fmt::format("\\U{:08X}", c);
    }
  }
  return out + '"';
}

std::string spelled(const std::string& text) {
  if (plain(text)) return text;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }))
    return double_quoted(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

/// YAML 1.1 wants a dot in every float: 1.0e-05.
std::string spelled(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value < 0 ? "-.inf" : ".inf";
  std::string text = python_repr(value);
  const size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos)
    text.insert(exponent, ".0");
  return text;
}

/// Empty lists and maps fit on the line, as scalars do.
bool fits_line(const Tree& tree) {
  if (tree.is_list()) return tree.list_items().empty();
  return !tree.is_map() || tree.entries().empty();
}

std::string on_line(const Tree& tree) {
  switch (tree.type()) {
    case Tree::Type::null:
      return "null";
    case Tree::Type::boolean:
      return tree.boolean() ? "true" : "false";
    case Tree::Type::integer:
      return std::to_string(tree.integer());
    case Tree::Type::real:
      return spelled(tree.real());
    case Tree::Type::string:
      return spelled(tree.string());
    case Tree::Type::list:
      return "[]";
    case Tree::Type::map:
      break;
  }
  return "{}";
}

void start_line(std::string& out, size_t indent) {
  out += '\n';
  out.append(indent, ' ');
}

/// Writes a list or map that is not empty; its first line starts where `out` ends.
void write_block(const Tree& tree, size_t indent, std::string& out) {
  bool first = true;
  if (tree.is_list()) {
    for (const Tree& item : tree.list_items()) {
      if (!first) start_line(out, indent);
      first = false;
      out += "- ";
      if (fits_line(item)) {
        out += on_line(item);
      } else {
        write_block(item, indent + 2, out);
      }
    }
    return;
  }
  for (const Tree::Entry& entry : tree.entries()) {
    if (!first) start_line(out, indent);
    first = false;
    const std::string key = spelled(entry.key);
    // Longer ones are no simple keys, and no setting has such a name.
    require(key.size() <= 1000, Kind::unsupported, "a key of {} bytes is too long for YAML",
            key.size());
    out += key + ":";
    if (fits_line(entry.value)) {
      out += " " + on_line(entry.value);
    } else {
      // PyYAML puts the dashes of a list under the key itself.
      const size_t inner = entry.value.is_list() ? indent : indent + 2;
      start_line(out, inner);
      write_block(entry.value, inner, out);
    }
  }
}

}  // namespace

std::string to_yaml(const Tree& tree) {
  std::string out;
  if (fits_line(tree)) {
    out = on_line(tree);
  } else {
    write_block(tree.sorted(), 0, out);
  }
  return out + '\n';
}

}  // namespace bascule
