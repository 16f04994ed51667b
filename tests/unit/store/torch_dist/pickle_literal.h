// Pickles written out in tests.
#pragma once

#include <cstddef>
#include <string>

namespace bascule::pickle {

/// A literal that may hold zeros.
template <size_t N>
std::string raw(const char (&text)[N]) {
  return std::string(text, N - 1);
}

}  // namespace bascule::pickle
