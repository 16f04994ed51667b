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
  const auto defect = [&](std::string_view what) {
    constexpr const char* kText =
        "{}; this is a defect of bascule: please report it with the command";
    return failed(Kind::internal, fmt::format(kText, what), json, err);
  };
  try {
    return work();
  } catch (const Error& e) {
    if (e.kind() == Kind::internal) return defect(e.what());
    return failed(e.kind(), e.what(), json, err);
  } catch (const std::bad_alloc&) {
    return failed(Kind::environment,
                  "memory ran out; a smaller --memory or fewer --threads need less", json, err);
  } catch (const std::exception& e) {
    return defect(e.what());
  } catch (...) {
    return defect("an unknown exception");
  }
}

}  // namespace bascule::cli
