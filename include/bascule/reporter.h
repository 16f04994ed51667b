// What long work tells its caller. The core prints nothing: the command line and Python decide how
// these look. Implementations accept calls from several threads; what they throw stops the work.
#pragma once

#include <cstdint>
#include <string_view>

namespace bascule {

class Reporter {
 public:
  virtual ~Reporter() = default;

  /// A new stretch of work begins, of `total_bytes` (0: not known).
  virtual void phase(std::string_view name, int64_t total_bytes) = 0;
  /// So many more bytes of the phase are done.
  virtual void advance(int64_t bytes) = 0;
  virtual void note(std::string_view text) = 0;
  virtual void warn(std::string_view text) = 0;
};

/// Tells nobody.
class NullReporter final : public Reporter {
 public:
  void phase(std::string_view, int64_t) override {}
  void advance(int64_t) override {}
  void note(std::string_view) override {}
  void warn(std::string_view) override {}
};

}  // namespace bascule
