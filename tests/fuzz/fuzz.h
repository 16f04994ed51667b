// What every fuzz target does with the fuzzer's bytes. libFuzzer calls a target from one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bascule/error.h"

namespace bascule {

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Runs a parser. Refusing the input is right; an internal error or any other exception is a crash.
template <class Work>
int refuses_or_reads(Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    if (error.kind() == Kind::internal) std::abort();
  }
  return 0;
}

/// Crashes unless what was read, written and read again is the same.
inline void must_hold(bool condition) {
  if (!condition) std::abort();
}

}  // namespace bascule
