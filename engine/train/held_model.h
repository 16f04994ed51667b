// A model that another program drives, such as Python through python/engine, and one forward of it.
// One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/provider.h"
#include "train/loaded_model.h"

namespace bascule {

/// The settings of a model as Megatron Bridge's provider for it has them, and those of how it is
/// run, at their defaults: JSON of name and value.
struct Described {
  std::string family, settings;
};

Described described_model(const ModelOrigin& origin);

struct Holding {
  ModelOrigin origin;    // whose weights, tokenizer and other files it takes
  std::string settings;  // JSON as in Described; another model than the path's has no weights of it
  std::string dtype;     // torch's name; empty: as the settings say
  std::string device = "cpu";
  bool load_weights = true;
  int64_t seed = 1234;  // of random weights
};

/// Throws Error where a provider's settings are wrong, or none of a model that can be made.
void check_model(const ModelOrigin& origin, const std::string& settings);

/// Throws Error; Error{mismatch} where weights are asked for that the settings do not fit.
std::shared_ptr<LoadedModel> held_model(const Holding& holding);

/// Fills a model from a checkpoint of the same one.
void load_weights(const LoadedModel& model, const std::string& path);

/// One forward, which one backward may follow.
class Forward {
 public:
  /// tokens and positions [sequences, length] int64; positions may be undefined: 0, 1, ...
  /// `kept`: a backward follows.
  Forward(std::shared_ptr<LoadedModel> model, const at::Tensor& tokens, const at::Tensor& positions,
          bool kept);

  /// [sequences, length, vocabulary]
  at::Tensor logits() const;
  /// Of labels [sequences, length] int64: the loss of each, [sequences, length].
  at::Tensor losses(const at::Tensor& labels) const;

  /// The gradients of the parameters for which `wanted` holds, in their order and dtypes, those of
  /// others undefined, from the gradient of logits() or, with labels, of losses(labels). Those of a
  /// step of a run that is under way are added to the run's, and all that is given is undefined.
  std::vector<at::Tensor> backward(const at::Tensor& gradient,
                                   const std::optional<at::Tensor>& labels,
                                   const std::vector<bool>& wanted);

 private:
  std::shared_ptr<LoadedModel> model_;
  Batch batch_;
  Saved saved_;
  at::Tensor hidden_;
  bool kept_;
  bool of_a_step_;  // of a run
};

}  // namespace bascule
