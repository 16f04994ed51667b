#include "cli/failure.h"

#include <fmt/format.h>

#include <new>

#include "bascule/error.h"
#include "base/interrupt.h"
#include "cli/json.h"

namespace bascule::cli {
namespace {

Result failed(Kind kind, const std::string& message, bool json, const Terminal& err) {
  const int signal = interrupted_by();
  const int exit = kind == Kind::interrupted && signal != 0 ? 128 + signal : exit_code(kind);
  Result result{.exit = exit, .out = {}, .err = {}};
  result.err = "bascule: " + err.red("error:") + " " + printable(message) + "\n";
  if (json) result.out = error_json(name(kind), message, exit);
  return result;
}

}  // namespace

Result guarded(const std::function<Result()>& work, bool json, const Terminal& err) {
  constexpr std::string_view kDefect =
      "this is a defect of bascule: please report it with the command";
  try {
    return work();
  } catch (const Error& e) {
    return failed(e.kind(), e.what(), json, err);
  } catch (const std::bad_alloc&) {
    return failed(Kind::internal, "memory ran out; a smaller --memory or fewer --threads need less",
                  json, err);
  } catch (const std::exception& e) {
    return failed(Kind::internal, fmt::format("{}; {}", e.what(), kDefect), json, err);
  } catch (...) {
    return failed(Kind::internal, fmt::format("an unknown exception; {}", kDefect), json, err);
  }
}

}  // namespace bascule::cli
