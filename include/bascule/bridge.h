// The façade: import, export, verify, inspect. Everything else is behind it.
//
// Functions are free and keep no state; several may run at once on different targets. All throw
// bascule::Error.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bascule/error.h"
#include "bascule/report.h"
#include "bascule/reporter.h"

namespace bascule {

struct Options {
  int threads = 2;
  int64_t memory = int64_t{150} << 20;   ///< bytes of resident memory to stay below
  std::string dtype;                     ///< "bfloat16", "float16", "float32"; empty: as stored
  std::string family;                    ///< only where a checkpoint does not say which it is
  std::vector<std::string> ignore_keys;  ///< keys of config.json to leave out of account
  bool overwrite = false;
  bool verify = true;    ///< re-read and compare before the result gets its name
  bool dry_run = false;  ///< plan and check, write nothing
  // import only
  bool wide = false;                     ///< also write what newer Megatron versions read
  bool require_megatron_logits = false;  ///< fail where Megatron would compute another model
  int64_t padded_vocab_multiple = 1;     ///< vocabulary rows are padded to a multiple of it
  int64_t iteration = 0;
  // verify only
  bool brief = false;  ///< what is equal is counted, and has no row in the report
};

/// What one stretch of work took.
struct Step {
  std::string name;
  int64_t bytes = 0;
  double seconds = 0;
};

/// What an import or export did.
struct Outcome {
  std::string target;  ///< the directory that was written, or would be
  std::string family;
  int64_t parameters = 0;
  int64_t tensors_read = 0, tensors_written = 0;
  int64_t bytes_written = 0;
  std::vector<Step> steps;
  std::vector<std::string> warnings;
  std::vector<std::string> ignored_keys;  ///< of config.json, left out of account as was asked
  bool verified = false;
  Report report;  ///< of the verification
};

/// Converts a Hugging Face directory (or a hub id in the local cache) into iteration
/// options.iteration of the Megatron checkpoint root `target`.
Outcome import_checkpoint(const std::string& source, const std::string& target,
                          const Options& options, Reporter& reporter);

/// Converts a Megatron checkpoint (a root, or one iteration's directory) into a Hugging Face
/// directory.
Outcome export_checkpoint(const std::string& source, const std::string& target,
                          const Options& options, Reporter& reporter);

/// Compares two checkpoints of any format, parameter by parameter.
Report verify_checkpoints(const std::string& first, const std::string& second,
                          const Options& options, Reporter& reporter);

/// What checking one checkpoint alone found.
struct SelfCheck {
  bool has_manifest = false;  ///< without one, only the structure could be checked
  int64_t files = 0, tensors = 0;
  std::vector<std::string> problems = {};  ///< one sentence each
};
SelfCheck verify_checkpoint(const std::string& path, const Options& options, Reporter& reporter);

/// A stored tensor, as inspect lists it.
struct StoredTensor {
  std::string name, dtype;
  std::vector<int64_t> shape;
  int64_t bytes = 0, chunks = 1;
};

struct Inspection {
  std::string path;          ///< what was looked at: the iteration's directory, the snapshot
  std::string format;        ///< "Hugging Face safetensors" or "Megatron torch_dist"
  std::string family;        ///< empty where it cannot be told
  std::string architecture;  ///< the class named in config.json, or the provider
  std::vector<std::pair<std::string, std::string>> facts;  ///< sizes, in the order to show them
  int64_t parameters = 0, bytes = 0, files = 0, objects = 0;
  std::map<std::string, int64_t> bytes_by_dtype;
  std::vector<StoredTensor> tensors;
  std::vector<std::string> notes;
};
Inspection inspect(const std::string& path, const Options& options);

struct ParallelSizes {
  int64_t tp = 1, pp = 1, vpp = 1, cp = 1, ep = 1, etp = 0;  ///< etp 0: as tp
};

/// A plan as text: one line a copy, and the shapes of what each rank would hold.
struct PlanListing {
  std::string family;
  int64_t copies = 0, elements = 0;
  std::vector<std::string> lines = {};
  std::string note = {};  ///< why nothing is listed, where `only` matches nothing
};
/// `to` is "megatron" or "hf". Only copies whose source, target or parameter contains `only`
/// (shell-style patterns) are listed. With sizes above 1 the target is the ranks of that mesh.
PlanListing plan_listing(const std::string& source, const std::string& to, const std::string& only,
                         const ParallelSizes& sizes, const Options& options);

struct FamilyInfo {
  std::string name;
  std::vector<std::string> architectures;
  std::string models;                    ///< "Llama 2, 3, 3.1, ..."
  bool supported = true;                 ///< false: sketched, not yet offered
  std::vector<std::string> unconfirmed;  ///< facts that no source confirms
};
std::vector<FamilyInfo> models();

/// The version of this library.
std::string version();

}  // namespace bascule
