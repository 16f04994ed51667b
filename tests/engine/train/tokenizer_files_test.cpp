// What ends a document.
#include "train/tokenizer_files.h"

#include <gtest/gtest.h>

#include "recipe/settings.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

// As Megatron Bridge 0.3.1 builds it: vocab_size - 1 tokens, and one that ends a document.
TEST(EndOfDocument, is_the_last_token_of_a_null_tokenizer) {
  Settings settings;
  EXPECT_EQ(end_of_document(settings, 100), -1);
  settings.tokenizer.tokenizer_type = TokenizerType::none;
  settings.tokenizer.vocab_size = 31;
  EXPECT_EQ(end_of_document(settings, 100), 30);  // though nothing asks: mock data hold it
  EXPECT_EQ(end_of_document(settings, 31), 30);
  expect_error(Kind::user, {"documents end with token 30, but the model has 30 tokens"},
               [&] { end_of_document(settings, 30); });
  settings.tokenizer.eod_id = 7;
  EXPECT_EQ(end_of_document(settings, 100), 7);
}

}  // namespace
}  // namespace bascule
