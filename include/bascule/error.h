// The one exception type of bascule: what failed, whose fault it is, and in what context.
// Immutable once thrown; safe to pass between threads.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace bascule {

/// Whose fault a failure is. Each kind has one exit code of the command line.
enum class Kind {
  user,         ///< usage, a target that exists, a wrong setting (exit 2)
  format,       ///< a file cannot be parsed or breaks its format (exit 3)
  mismatch,     ///< an unknown, missing or wrongly shaped tensor; a difference (exit 4)
  unsupported,  ///< unknown architecture, config key or combination (exit 5)
  environment,  ///< I/O error, no space, no permission, locked by another (exit 6)
  internal,     ///< a defect of bascule (exit 70)
  interrupted,  ///< stopped by a signal (exit 130)
};

/// Returns the process exit code that stands for `kind`.
int exit_code(Kind kind);

/// Returns the word that names `kind` in reports, for instance "format".
std::string_view name(Kind kind);

class Error : public std::exception {
 public:
  Error(Kind kind, std::string message);

  Kind kind() const { return kind_; }
  /// What failed, with values and a remedy; no context.
  const std::string& message() const { return message_; }
  /// The message, preceded by its context: "importing X: reading Y: ...".
  const char* what() const noexcept override { return whole_.c_str(); }

  /// Returns the same error, raised while doing `doing`.
  Error within(std::string_view doing) const;

 private:
  Kind kind_;
  std::string message_, whole_;
};

}  // namespace bascule
