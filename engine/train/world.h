// The ranks that this process was started with, as torchrun's environment says.
#pragma once

namespace bascule {

/// Throws Error{unsupported} where WORLD_SIZE is more than 1, or where RANK or LOCAL_RANK is not 0:
/// several processes would each train the whole model and write the same files.
void require_one_rank();

}  // namespace bascule
