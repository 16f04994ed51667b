// The parameters that one rank holds, with their gradients, in contiguous arenas.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/dialect.h"
#include "model/slot.h"

namespace bascule {

/// Of gradients of an arena in this step, as they came to be whole: numbers that add up to the sum
/// of their squares, and how many elements they are of.
struct Squares {
  std::vector<at::Tensor> sums = {};
  int64_t elements = 0;
};

/// One stored tensor of the rank's dialect. `value` and `gradient` are views into an arena.
struct Parameter {
  std::string name;  // as in GPTModel.named_parameters()
  std::vector<std::string> slots = {};
  Group group = Group::none;
  bool decay = true;         // weight decay applies: to matrices (Megatron's rule)
  bool rows = false;         // a step's gradient is that of a few rows, and zero in all others
  at::Tensor value = {};     // in the model's dtype, or fp32 where the slot stays so
  at::Tensor gradient = {};  // fp32 or wider, undefined where frozen
  std::vector<std::shared_ptr<bool>> unwritten = {};  // of each tensor, see begin_step()
  size_t arena = 0;
  int64_t offset = 0;                      // elements, in the arena
  std::shared_ptr<Squares> squares = {};   // the arena's
  std::optional<int64_t> cleared_at = {};  // the gradient's version when cleared() was called
  bool zero = false;                       // at begin_step() the gradient was zero still
};

/// Parameters that are reduced, updated and stored together.
struct Arena {
  bool expert = false;  // reduced over the expert group, not the whole data-parallel one
  at::ScalarType dtype = at::kFloat;
  bool trainable = true;
  at::Tensor values = {}, gradients = {};  // [elements]; no gradients where not trainable
  std::shared_ptr<Squares> squares = std::make_shared<Squares>();
};

struct ParameterOptions {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  bool gradients = true;              // false: for inference
  std::set<std::string> frozen = {};  // names of what is not trained
};

class Parameters {
 public:
  /// Allocates every tensor that `local` binds, values zero, gradients as begin_step() leaves them;
  /// `local` is expanded, its shapes are `shards`'.
  Parameters(const Slots& slots, Dialect local, const Shards& shards,
             const ParameterOptions& options);

  /// The tensor that holds exactly these slots. Throws Error{internal} when there is none.
  const Parameter& holding(const std::vector<std::string>& slots) const;
  /// The same, or nullptr.
  const Parameter* find(const std::vector<std::string>& slots) const;

  /// Tensors of one shape that lie at equal distances, as one: [tensors, ...]. Throws
  /// Error{internal} where they do not.
  Parameter stack(const std::vector<std::vector<std::string>>& slots) const;

  /// What a router counts during a step, in place of a gradient, [2, experts]: the tokens that
  /// chose each expert, and those that it took. `slot` is the router's. Not among all(); nullptr
  /// without gradients.
  const Parameter* tally(const std::string& slot) const;

  const std::vector<Parameter>& all() const { return all_; }
  const std::vector<Arena>& arenas() const { return arenas_; }
  const Dialect& dialect() const { return local_; }
  const ParameterOptions& options() const { return options_; }
  at::Device device() const { return options_.device; }
  /// Forgets all gradients: what is added to one first overwrites it, so that none need be filled
  /// with zeros. Tallies become zero.
  void begin_step();
  /// Gradients that nothing was added to since begin_step() become zero.
  void end_step();
  /// The optimizer has left gradients of `rows` zero. begin_step() relies on it, unless something
  /// was written to the arena meanwhile.
  void cleared();

 private:
  ParameterOptions options_;
  Dialect local_;
  std::vector<Parameter> all_, tallies_;
  std::vector<Arena> arenas_;
  std::unordered_map<std::string, size_t> by_slots_;
};

/// Whether the gradient holds nothing of this step yet. From now on it does.
bool first_writes(const Parameter& parameter);

}  // namespace bascule
