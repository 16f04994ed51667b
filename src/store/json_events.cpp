#include "store/json_events.h"

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/shown.h"

namespace bascule {
namespace {

// nlohmann::json keeps a token twice while it reads it, so that a file of one long string would
// cost several times its size.
void require_short_tokens(std::string_view json, std::string_view where) {
  bool in_string = false;
  size_t start = 0;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string && c == '\\') {
      ++i;
      continue;
    }
    const bool border = in_string ? c == '"' : c == '"' || c == ',' || c == ':';
    if (!border) continue;
    require(i - start <= kMaxJsonToken, Kind::format,
            "{}: {} bytes of JSON without a border at byte {}, at most {}", where, i - start, start,
            kMaxJsonToken);
    if (c == '"') in_string = !in_string;
    start = i;
  }
  require(json.size() - start <= kMaxJsonToken, Kind::format,
          "{}: {} bytes of JSON without a border at byte {}, at most {}", where,
          json.size() - start, start, kMaxJsonToken);
}

// "[json.exception...] parse error at line 1, column 9: REASON; last read: ..." -> REASON
std::string_view reason_in(std::string_view what) {
  if (const size_t colon = what.find(": "); colon != std::string_view::npos)
    what.remove_prefix(colon + 2);
  return what.substr(0, what.find("; last read"));
}

class Adapter {
 public:
  Adapter(JsonEvents& events, std::string_view where) : events_(events), where_(where) {}

  bool null() { return other("null"); }
  bool boolean(bool value) { return other(value ? "true" : "false"); }
  bool number_integer(int64_t value) { return other(std::to_string(value)); }
  bool number_unsigned(uint64_t value) { return events_.natural(value), true; }
  bool number_float(double, const std::string& text) { return other(text); }
  bool string(std::string& text) { return events_.string(text), true; }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(size_t) { return events_.begin_object(), true; }
  bool key(std::string& text) { return events_.key(text), true; }
  bool end_object() { return events_.end_object(), true; }
  bool start_array(size_t) { return events_.begin_array(), true; }
  bool end_array() { return events_.end_array(), true; }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) {
    const std::string_view what = error.what();
    if (what.find("ill-formed UTF-8") != std::string_view::npos)
      fail(Kind::format, "{}: not UTF-8 at byte {}", where_, position);
    fail(Kind::format, "{}: not valid JSON at byte {}: {}", where_, position,
         shown(reason_in(what)));
  }

 private:
  bool other(std::string_view text) { return events_.other(text), true; }

  JsonEvents& events_;
  std::string_view where_;
};

}  // namespace

void read_json(std::string_view json, JsonEvents& events, std::string_view where) {
  // Outside of strings nlohmann::json takes a zero byte for the end; inside they are not allowed.
  const size_t zero = json.find('\0');
  require(zero == std::string_view::npos, Kind::format,
          "{}: not valid JSON at byte {}: a zero byte", where, zero);
  require_short_tokens(json, where);
  Adapter adapter(events, where);
  nlohmann::json::sax_parse(json.data(), json.data() + json.size(), &adapter);
}

}  // namespace bascule
