// A checkpoint of a run, opened. A value that refers to what its owner holds.
#pragma once

#include <filesystem>

#include "bridge/opened.h"
#include "model/dialect.h"
#include "store/torch_dist/torch_dist_source.h"

namespace bascule {

struct StoredRun {
  const std::filesystem::path& path;
  const TorchDistSource& dist;
  const Dialect& dialect;  // of the parameters, at least of those that are trained
};

inline StoredRun stored_run(const Opened& opened) {
  return {opened.path, *opened.dist, opened.dialect};
}

}  // namespace bascule
