// What torch throws, for people. Free functions.
#pragma once

#include <exception>

namespace bascule {

/// Throws what was thrown; torch's exceptions, which carry a stack of its own calls that no user
/// reads, as an Error.
[[noreturn]] void rethrow_without_stack(const std::exception_ptr& thrown);

}  // namespace bascule
