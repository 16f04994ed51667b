// Where two models differ, in Megatron's settings: of two that should be one, or of a Megatron
// checkpoint and what config.json of a family can say.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "families/family.h"
#include "families/megatron_config.h"

namespace bascule {

/// A setting of Megatron's, and what the nearest family has in its place.
struct UnsaidSetting {
  std::string key;
  Tree value;
  const Family* family;
  std::optional<Tree> other;  // that it has: none where it has no such setting
};

/// The settings of a model which the nearest of `families` lacks; none where none comes near.
std::vector<UnsaidSetting> unsaid_settings(const MegatronConfig& config, const Provider& provider,
                                           const std::vector<const Family*>& families);

/// A value that a message can hold, "not set" where there is none.
std::string setting_text(const Tree* value);

/// "model.kv_channels is 16, not 32; ...": the settings in which a model of `family` differs from
/// `other`; empty where none does.
std::string settings_apart(const Family& family, const Arch& arch, const Arch& other);

}  // namespace bascule
