#include "data/description.h"

#include <fmt/format.h>
#include <md5.h>
#include <sys/types.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace bascule {
namespace {

// Values are texts of JSON here, because Python's way with numbers is its own.
using Members = std::vector<std::pair<std::string, std::string>>;

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string indent(int depth) { return std::string(static_cast<size_t>(4 * depth), ' '); }

std::string object_text(const Members& members, int depth) {
  if (members.empty()) return "{}";
  std::string out = "{";
  for (const auto& [key, value] : members)
    out += (out.size() > 1 ? ",\n" : "\n") + indent(depth + 1) + quoted(key) + ": " + value;
  return out + "\n" + indent(depth) + "}";
}

std::string array_text(const std::vector<std::string>& items, int depth) {
  if (items.empty()) return "[]";
  std::string out = "[";
  for (const std::string& item : items)
    out += (out.size() > 1 ? ",\n" : "\n") + indent(depth + 1) + item;
  return out + "\n" + indent(depth) + "]";
}

template <class T>
std::string or_null(const std::optional<T>& value) {
  if (!value) return "null";
  if constexpr (std::is_same_v<T, std::string>)
    return quoted(*value);
  else
    return fmt::format("{}", *value);
}

std::string splits_text(const std::string& splits, int depth) {
  std::vector<std::string> rows;
  for (const std::optional<Fractions>& share : parse_splits(splits)) {
    // The very first bound is an integer in Megatron.
    const bool first = rows.empty();
    rows.push_back(
        !share ? "null"
               : array_text({first ? "0" : python_float(share->begin), python_float(share->end)},
                            depth + 1));
  }
  return array_text(rows, depth);
}

std::string gpt_text(const GptDescription& dataset, int depth) {
  Members tokenizer;
  for (const auto& [key, value] : dataset.tokenizer) tokenizer.emplace_back(key, quoted(value));
  return object_text(
      {{"class", dataset.path ? "\"GPTDataset\"" : "\"MockGPTDataset\""},
       {"dataset_path", or_null(dataset.path)},
       {"num_samples", or_null(dataset.samples)},
       {"index_split", quoted(std::string(name(dataset.split)))},
       {"random_seed", fmt::format("{}", dataset.seed)},
       {"sequence_length", fmt::format("{}", dataset.sequence_length)},
       {"split", or_null(dataset.splits)},
       {"split_matrix", dataset.splits ? splits_text(*dataset.splits, depth + 1) : "null"},
       {"tokenizer", object_text(tokenizer, depth + 1)}},
      depth);
}

}  // namespace

std::string python_float(double value) {
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  const std::string_view whole(text, static_cast<size_t>(end - text));
  const size_t e = whole.find('e');
  if (e == std::string_view::npos) return std::string(whole);  // inf, nan
  const int exponent = std::atoi(std::string(whole.substr(e + 1)).c_str());
  const std::string sign = std::signbit(value) ? "-" : "";
  std::string digits;
  for (const char c : whole.substr(0, e))
    if (c >= '0' && c <= '9') digits += c;
  if (exponent < -4 || exponent >= 16) {
    if (digits.size() > 1) digits.insert(1, ".");
    return fmt::format("{}{}e{:+03d}", sign, digits, exponent);
  }
  if (exponent < 0)
    return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const auto whole_digits = static_cast<size_t>(exponent) + 1;
  digits.resize(std::max(digits.size(), whole_digits + 1), '0');
  digits.insert(whole_digits, ".");
  return sign + digits;
}

std::string description_of(const GptDescription& dataset) { return gpt_text(dataset, 0); }

std::string description_of(const BlendDescription& blend) {
  std::vector<std::string> parts, weights;
  for (const GptDescription& part : blend.parts) parts.push_back(gpt_text(part, 2));
  std::visit(
      [&](const auto& values) {
        for (const auto value : values) {
          if constexpr (std::is_same_v<decltype(value), const double>)
            weights.push_back(python_float(value));
          else
            weights.push_back(fmt::format("{}", value));
        }
      },
      blend.weights);
  return object_text({{"class", "\"BlendedDataset\""},
                      {"datasets", array_text(parts, 1)},
                      {"split", quoted(std::string(name(blend.split)))},
                      {"weights", array_text(weights, 1)},
                      {"size", or_null(blend.samples)}},
                     0);
}

std::string md5_hex(std::string_view text) {
  char hex[MD5_DIGEST_STRING_LENGTH];
  MD5Data(reinterpret_cast<const uint8_t*>(text.data()), text.size(), hex);
  return hex;
}

}  // namespace bascule
