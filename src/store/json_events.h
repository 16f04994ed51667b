// JSON as a stream of events, for large or hostile documents: nothing is built that the reader of
// the events does not build itself. One document, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bascule {

/// What a document consists of, in order. Strings may be moved from. Any member may throw.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;

  virtual void begin_object() = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  virtual void key(std::string& text) = 0;
  virtual void string(std::string& text) = 0;
  virtual void natural(uint64_t number) = 0;
  /// Anything else that is no container: "-1", "1.5", "true", "null".
  virtual void other(std::string_view text) = 0;
};

/// The longest string, number or run of white space that is read.
inline constexpr size_t kMaxJsonToken = size_t{16} << 20;

/// Reads one document and nothing behind it but white space. Throws Error{format} naming `where`
/// and the byte. Uses memory for one token, and a bit for each level of nesting.
void read_json(std::string_view json, JsonEvents& events, std::string_view where);

}  // namespace bascule
