#include "train/world.h"

#include <cstdlib>
#include <string_view>

#include "base/check.h"

namespace bascule {
namespace {

std::string_view of_environment(const char* name, std::string_view otherwise) {
  const char* given = std::getenv(name);
  return given != nullptr && *given != '\0' ? given : otherwise;
}

}  // namespace

void require_one_rank() {
  const std::string_view size = of_environment("WORLD_SIZE", "1");
  require(size == "1", Kind::unsupported,
          "the environment's WORLD_SIZE is {}: runs of several ranks are not supported yet; start "
          "one (torchrun --nproc-per-node=1), or unset it",
          size);
  for (const char* name : {"RANK", "LOCAL_RANK"}) {
    const std::string_view rank = of_environment(name, "0");
    require(rank == "0", Kind::unsupported,
            "the environment's {} is {} in a world of one rank, which uses the first GPU; unset "
            "it, and choose a GPU with CUDA_VISIBLE_DEVICES",
            name, rank);
  }
}

}  // namespace bascule
