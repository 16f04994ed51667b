// A checkpoint of either format, opened: its tensors, and how it spells which model.
// Immutable once opened.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "bascule/bridge.h"
#include "bridge/megatron_settings.h"
#include "bridge/state.h"
#include "convert/verifier.h"
#include "families/hf_config.h"
#include "model/megatron.h"
#include "store/hf_directory.h"
#include "store/torch_dist/torch_dist_source.h"

namespace bascule {

struct Opened {
  enum class Format { hugging_face, torch_dist };
  Format format = Format::hugging_face;
  std::filesystem::path path;  // the snapshot, or the iteration's directory
  const Family* family = nullptr;
  Arch arch;
  std::string dtype;  // of most weights, as the configuration says
  Slots slots;
  Dialect dialect;  // expanded

  std::optional<HfConfig> config;         // config.json, or the one that travels along
  HfDirectory hf;                         // hugging_face
  std::unique_ptr<TorchDistSource> dist;  // torch_dist
  MegatronForm form;                      // torch_dist
  std::optional<State> state;             // torch_dist, where we wrote it
  std::string settings;                   // torch_dist: the file that says what the model is
  bool from_args = false;                 // torch_dist, where Megatron-LM's arguments are that

  const TensorSource& source() const {
    if (dist) return *dist;
    return *hf.weights;
  }
  /// Where a file that travels lies: a tokenizer file or another.
  std::filesystem::path file(const std::string& name) const { return path / name; }
};

/// An opened checkpoint, to compare with another.
inline Spelled spelled(const Opened& opened) {
  return {&opened.slots, &opened.source(), &opened.dialect};
}

/// Opens a Hugging Face directory or a cached hub id. Checks every name against the family.
Opened open_hf(const std::string& path, const Options& options);

/// Opens a Megatron root or one iteration's directory. Checks every name against the family, which
/// is `likely` where the checkpoint leaves several open.
Opened open_megatron(const std::filesystem::path& path, const Options& options,
                     const Family* likely = nullptr);

/// Opens whatever is at `path`. Throws Error{user} when it is neither.
Opened open_model(const std::string& path, const Options& options, const Family* likely = nullptr);

/// Whether `path` is a Megatron root or one iteration's directory.
bool is_megatron(const std::filesystem::path& path);

/// What the text of a tracker names: "iter_0000100" or "release". Throws Error{format}.
std::string iteration_in(std::string text, const std::string& file);

/// The number that the tracker of a root names, if there is one and it makes sense.
std::optional<int64_t> tracked_iteration(const std::filesystem::path& root);

/// The iteration's directory that a root's tracker names (or the newest), or the path itself.
std::filesystem::path iteration_directory(const std::filesystem::path& path);

}  // namespace bascule
