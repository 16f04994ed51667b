// How ranks divide a model, and what each of them keeps. Values; no communication.
#pragma once

#include <string>
#include <vector>

#include "model/arch.h"
#include "model/layout.h"

namespace bascule {

/// Parallel sizes, under Megatron's names: tensor, pipeline, virtual pipeline (chunks a stage),
/// context, expert, expert tensor (0: as tp). Data parallelism fills the rest of the world.
struct Mesh {
  int64_t tp = 1, pp = 1, vpp = 1, cp = 1, ep = 1, etp = 0;
  bool operator==(const Mesh&) const = default;

  int64_t expert_tp() const { return etp ? etp : tp; }
  /// The smallest number of ranks that holds this mesh.
  int64_t world() const;
};

/// A rank's place. Ranks count tensor-parallel first, then context, expert and data, pipeline last,
/// as megatron-core's parallel_state does by default ("tp-cp-ep-dp-pp").
struct MeshPlace {
  Shards shards;
  int64_t pp_rank = 0, ep_rank = 0;
};
MeshPlace place(const Mesh& mesh, int64_t rank);

/// One layer that a rank keeps: its index in the whole model and in its chunk.
struct KeptLayer {
  int64_t global = 0, chunk = 0, local = 0;
};

/// The layers of a pipeline stage: chunk v of stage p holds the (v * pp + p)-th equal share.
/// Throws Error{unsupported} when the layers do not divide.
std::vector<KeptLayer> kept_layers(int64_t layers, const Mesh& mesh, int64_t pp_rank);

/// Throws Error{user} where the sizes make no mesh, whatever the model.
void check(const Mesh& mesh);
/// The same, and throws Error{unsupported}, naming both numbers, where it cannot hold the model.
void check(const Mesh& mesh, const Arch& arch);

}  // namespace bascule
