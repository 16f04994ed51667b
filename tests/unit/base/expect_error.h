// Expecting an Error of a kind whose message holds a text.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "bascule/error.h"

namespace bascule {

template <class Work>
void expect_error(Kind kind, std::string_view text, Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(name(error.kind()), name(kind)) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(text), std::string_view::npos)
        << "message:  " << error.what() << "\nexpected: " << text;
    return;
  } catch (const std::exception& error) {
    FAIL() << "not an Error: " << error.what();
  }
  FAIL() << "no error; expected: " << text;
}

}  // namespace bascule
