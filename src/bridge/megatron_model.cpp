#include "bridge/megatron_model.h"

#include "families/run_config.h"

namespace bascule {

MegatronModel megatron_model(const Tree& settings, const std::string& family,
                             const std::string& place) {
  const Family& found = family_named(family);
  MegatronConfig config = read_model_settings(settings, found, place);
  return {found.name, std::move(config.arch), config.vocab_multiple, std::move(config.dtype)};
}

}  // namespace bascule
