// How Megatron-Core spells any model of ours. Written once for all families.
#pragma once

#include <string>
#include <vector>

#include "model/dialect.h"
#include "model/mesh.h"

namespace bascule {

/// What may vary between Megatron checkpoints of one model.
struct MegatronForm {
  int64_t vocab_multiple = 1;  // vocabulary rows are padded with zeros to a multiple of it
  bool stacked = true;         // layers as a leading axis, which Megatron does where they are alike
};

/// The form that Megatron itself would write: stacked exactly where all layers are alike.
MegatronForm usual_form(const Arch& arch);

/// The global tensors of a distributed checkpoint (`torch_dist`), expanded.
Dialect megatron(const Arch& arch, const Slots& slots, const MegatronForm& form);

/// The parameters of one rank's modules, under the names of GPTModel.named_parameters(), expanded;
/// `model{v}.` precedes them where virtual pipeline stages give a rank several chunks.
Dialect megatron_local(const Arch& arch, const Slots& slots, const Mesh& mesh, int64_t rank,
                       const MegatronForm& form);

/// The keys of the objects that Transformer Engine modules write beside their tensors:
/// "MODULE._extra_state/shard_2_3".
std::vector<std::string> extra_states(const Dialect& expanded);

}  // namespace bascule
