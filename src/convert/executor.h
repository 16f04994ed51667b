// Writing a checkpoint: gathers boxes of tensors and streams every file from front to back.
#pragma once

#include <filesystem>
#include <vector>

#include "bascule/reporter.h"
#include "base/commit.h"
#include "convert/gather.h"
#include "store/manifest.h"
#include "store/output.h"

namespace bascule {

struct ExecuteOptions {
  int threads = 2;
  int64_t memory = int64_t{150} << 20;  // bytes of resident memory to stay below
};

/// Writes the data files of `output` into the workspace, tensors in the dtypes of output.tensors;
/// output.tensors[i] is target i of the gather's plan. Files that the workspace's journal says were
/// begun are re-hashed and continued. Peak memory is the threads' buffers, whatever the model.
/// Returns the size and hash of each file. Small files are not written.
std::vector<Manifest::Entry> execute(const Output& output, const Gather& gather,
                                     Workspace& workspace, Reporter& reporter,
                                     const ExecuteOptions& options);

/// Fills a tensor in memory, for ranks that load their part of a plan without a file between.
std::vector<std::byte> gathered(const Gather& gather, size_t target, const Shape& shape,
                                DType dtype);

/// Splits a box into boxes of at most `limit` bytes (or one row of the last dimension), each one
/// stretch of the box, in order.
std::vector<Box> windows(const Box& box, DType dtype, int64_t limit);

/// Bytes a thread's window may have when the process is to stay below `memory`.
int64_t window_bytes(int64_t memory, int threads);

/// The most threads that `memory` has room for, with the least of windows: at least one.
int most_threads(int64_t memory);

}  // namespace bascule
