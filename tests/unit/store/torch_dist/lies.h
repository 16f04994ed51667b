// Checkpoints that lie, and what is said about them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bascule/error.h"
#include "store/torch_dist/torch_dist_source.h"
#include "unit/store/torch_dist/fake_checkpoint.h"

namespace bascule {

using Fake = FakeCheckpoint;

/// Opens the checkpoint and reads its first tensor whole.
inline std::string read_first(const std::filesystem::path& directory) {
  const auto source = TorchDistSource::open(directory);
  const TensorInfo& tensor = source->tensors().at(0);
  std::string data(static_cast<size_t>(bytes(tensor.dtype, elements(tensor.shape))), '?');
  source->read(0, whole(tensor.shape), std::as_writable_bytes(std::span(data)));
  return data;
}

inline void expect_refused(const std::filesystem::path& directory, Kind kind, const char* message) {
  try {
    read_first(directory);
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(name(error.kind()), name(kind)) << error.what();
    EXPECT_THAT(error.what(), testing::HasSubstr(message));
  }
}

struct Bad {
  const char* what;
  Fake fake;
  const char* message;
  Kind kind = Kind::format;
};

Fake with(auto&& change) {
  Fake fake;
  change(fake);
  return fake;
}

inline Fake chunks(const Shape& shape, std::vector<Fake::Chunk> chunks) {
  Fake fake;
  fake.shape = shape;
  fake.chunks = std::move(chunks);
  return fake;
}

/// Expects each row to be refused, when opened or when read.
inline void expect_refused(std::span<const Bad> rows) {
  for (const Bad& row : rows) {
    SCOPED_TRACE(row.what);
    const TemporaryDirectory directory;
    row.fake.write(directory.path());
    expect_refused(directory.path(), row.kind, row.message);
  }
}

}  // namespace bascule
