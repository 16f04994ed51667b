// A module that another program has made and computes, such as a torch.nn.Module: the engine's loop
// trains and saves it, knowing nothing of what it does. Values and free functions; one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bascule/reporter.h"
#include "nn/arena_source.h"
#include "train/training.h"

namespace bascule {

struct Module {
  struct Part {
    std::string name;
    at::Tensor value;
    bool trained = true;
  };
  std::vector<Part> parameters;
  /// What else its state is, as it is now; a checkpoint is read into these tensors.
  std::function<std::vector<NamedTensor>()> buffers;
};

/// A run of the module: from its own values, from the weights of another run's checkpoint
/// (checkpoint.pretrained_checkpoint), or where the checkpoint of checkpoint.load has stopped. The
/// parameters are copied into the run's arenas, and whoever computes must take the copies from
/// there. Throws Error{user} where the settings describe another model, Error{unsupported} where
/// its parameters are of dtypes or on devices that do not go together, Error{mismatch} where a
/// checkpoint is of another module.
Training start_module(const Module& module, const Settings& settings);

/// Adds a micro-batch's gradients, in the order of the run's parameters, to the step's. Undefined
/// ones are none. Throws Error{user} where one is that of a parameter of another shape.
void add_gradients(const Training& run, const std::vector<at::Tensor>& gradients);

}  // namespace bascule
