// The tensors of a model in memory as Hugging Face names and shapes them, one at a time. One thread
// at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "convert/gather.h"
#include "nn/arena_source.h"
#include "train/loaded_model.h"

namespace bascule {

class HfTensors {
 public:
  explicit HfTensors(std::shared_ptr<LoadedModel> model);

  size_t count() const { return plan_.to.size(); }
  const std::string& name(size_t index) const { return at(index).name; }
  /// The model's parameters of which it is made, in their order.
  std::vector<std::string> parameters(size_t index) const;
  /// Its value now, in memory of its own on the host.
  at::Tensor tensor(size_t index);

 private:
  const PlanTensor& at(size_t index) const;

  std::shared_ptr<LoadedModel> model_;
  Plan plan_;
  ArenaSource source_;
  Gather gather_;
  Scratch scratch_ = {};
};

}  // namespace bascule
