#include "data/end_of_sequence.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/file.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int64_t kMostBytes = int64_t{64} << 20;

/// A file of the directory; null where it is absent. The entry "model" is not kept: in
/// tokenizer.json that is the vocabulary with all its merges, many times the rest.
Json json_in(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return nullptr;
  const auto kept = [](int depth, Json::parse_event_t event, const Json& parsed) {
    return event != Json::parse_event_t::key || depth != 1 || parsed != "model";
  };
  try {
    return Json::parse(read_small_file(path, kMostBytes), kept);
  } catch (const Json::exception& error) {
    fail(Kind::format, "{} is no JSON: {}", path.string(), error.what());
  }
}

const Json* entry(const Json& map, const std::string& key) {
  if (!map.is_object()) return nullptr;
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &*found;
}

std::optional<std::string> text(const Json* value) {
  if (value && value->is_object()) value = entry(*value, "content");
  if (!value || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

std::optional<int64_t> number(const Json* value) {
  if (!value || !value->is_number_integer()) return std::nullopt;
  return value->get<int64_t>();
}

std::optional<int64_t> number(const std::string& digits) {
  int64_t value = 0;
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || at != digits.data() + digits.size()) return std::nullopt;
  return value;
}

/// The identifier of a special token, in any of the three places that transformers keeps it.
std::optional<int64_t> identifier(const std::string& token, const fs::path& directory,
                                  const Json& config) {
  if (const Json* decoder = entry(config, "added_tokens_decoder"); decoder && decoder->is_object())
    for (const auto& [id, added] : decoder->items())
      if (text(&added) == token) return number(id);
  const Json tokenizer = json_in(directory / "tokenizer.json");
  if (const Json* list = entry(tokenizer, "added_tokens"); list && list->is_array())
    for (const Json& added : *list)
      if (text(&added) == token) return number(entry(added, "id"));
  return number(entry(json_in(directory / "added_tokens.json"), token));
}

}  // namespace

std::optional<int64_t> end_of_sequence(const fs::path& directory) {
  const Json config = json_in(directory / "tokenizer_config.json");
  std::optional<std::string> token = text(entry(config, "eos_token"));
  if (!token) token = text(entry(json_in(directory / "special_tokens_map.json"), "eos_token"));
  std::optional<int64_t> id;
  if (token) id = identifier(*token, directory, config);
  if (!id) id = number(entry(json_in(directory / "config.json"), "eos_token_id"));
  return id;
}

}  // namespace bascule
