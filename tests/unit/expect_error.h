// Checks the kind and the wording of an Error.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "bascule/error.h"

namespace bascule {

/// Runs `work`, which must throw an Error of this kind whose text has all `parts`.
template <class Work>
void expect_error(Kind kind, std::initializer_list<std::string> parts, Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(name(error.kind()), name(kind)) << error.what();
    for (const std::string& part : parts) EXPECT_THAT(error.what(), testing::HasSubstr(part));
    return;
  }
  std::string wanted;
  for (const std::string& part : parts) wanted += part + " ";
  ADD_FAILURE() << "no error; wanted: " << wanted;
}

}  // namespace bascule
