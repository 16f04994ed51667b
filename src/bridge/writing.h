// What import and export share: planning a result, writing it, and proving it before it is named.
#pragma once

#include <functional>

#include "bridge/opened.h"
#include "bridge/travel.h"
#include "convert/executor.h"

namespace bascule {

/// Measures the stretches of one import or export.
class Stopwatch {
 public:
  explicit Stopwatch(std::vector<Step>& steps) : steps_(steps) {}
  /// Ends the current stretch, if any, and begins another.
  void begin(std::string name, int64_t bytes = 0);
  void end();

 private:
  std::vector<Step>& steps_;
  double started_ = 0;
  bool running_ = false;
};

/// The dtypes of a plan's targets: as stored, or as options.dtype says.
std::vector<DType> target_dtypes(const Plan& plan, const Gather& gather, const Options& options);

/// Tells a directory from others, and from itself once files in it have changed.
std::string identity(const std::filesystem::path& directory);

/// Identifies what is to be done: the same command on a source of the same identity has the same
/// hash, and only such partial work is resumed.
std::string plan_hash(const std::string& identity, const Output& output, const Options& options);

/// Runs what fills and publishes a workspace. When a signal stops it and the same command would
/// resume, the error says so; where the same command would fail again, nothing is kept.
void fill(Workspace& workspace, const std::function<void()>& work);

/// Writes the small files and forgets them, since .metadata has megabytes; returns the manifest so
/// far.
Manifest write_small_files(Output& output, Workspace& workspace);

/// Writes the data files and adds them to the manifest.
void write_data(const Output& output, const Gather& gather, Workspace& workspace,
                Reporter& reporter, const Options& options, Manifest& manifest);

/// Opens what the workspace holds again and compares it with the source, which it asks for then.
/// Discards the work and throws Error{mismatch} when they differ.
Report prove(const std::function<Spelled()>& source, const std::function<Opened()>& open,
             Workspace& workspace, Reporter& reporter, const Options& options);

/// Throws Error{mismatch} when a tensor that should repeat another does not.
void require_equal_aliases(const Opened& opened);

}  // namespace bascule
