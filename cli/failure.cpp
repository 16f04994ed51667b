#include "cli/failure.h"

#include <fmt/format.h>

#include <new>

#include "base/check.h"
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

Error defect(std::string_view what) {
  return {Kind::internal,
          fmt::format("{}; this is a defect of bascule: please report it with the command", what)};
}

}  // namespace

Kind kind_called(std::string_view name) {
  for (const Kind each : {Kind::user, Kind::format, Kind::mismatch, Kind::unsupported,
                          Kind::environment, Kind::internal, Kind::interrupted})
    if (bascule::name(each) == name) return each;
  fail(Kind::internal, "there is no kind of error called {}", name);
}

Error failure_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& e) {
    return e.kind() == Kind::internal ? defect(e.what()) : e;
  } catch (const std::bad_alloc&) {
    return {Kind::environment, "memory ran out; a smaller --memory or fewer --threads need less"};
  } catch (const std::exception& e) {
    return defect(e.what());
  } catch (...) {
    return defect("an unknown exception");
  }
}

Result guarded(const std::function<Result()>& work, bool json, const Terminal& err) {
  try {
    return work();
  } catch (...) {
    const Error error = failure_of(std::current_exception());
    return failed(error.kind(), error.what(), json, err);
  }
}

}  // namespace bascule::cli
