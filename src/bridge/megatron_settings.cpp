#include "bridge/megatron_settings.h"

#include <optional>

#include "base/check.h"
#include "base/file.h"
#include "bridge/pickled_settings.h"
#include "families/megatron_args.h"

namespace bascule {

namespace fs = std::filesystem;

MegatronSettings megatron_settings(const fs::path& iteration, const TorchDistSource& source) {
  std::error_code ignored;
  const fs::path yaml = iteration / "run_config.yaml";
  if (fs::exists(yaml, ignored))
    return {.config = read_run_config(read_small_file(yaml, kConfigLimit), yaml.string()),
            .file = yaml.string()};

  const std::optional<pickle::Value>& common = source.common();
  const std::optional<pickle::Value> args = common ? common->find("args") : std::nullopt;
  require(args.has_value(), Kind::unsupported,
          "{} has neither a run_config.yaml, which Megatron Bridge writes beside the weights, nor "
          "Megatron-LM's args in its common.pt, so that nothing says what model these weights are; "
          "copy run_config.yaml from the checkpoint that they come from",
          iteration.string());
  const fs::path common_file = iteration / "common.pt";
  const std::string file = fs::exists(common_file, ignored)
                               ? common_file.string()
                               : (iteration / std::string(kCommonObject)).string();
  const Tree settings = in_context(file, [&] { return pickled_settings(*args); });
  return {.config = read_megatron_args(settings, file), .file = file, .from_args = true};
}

}  // namespace bascule
