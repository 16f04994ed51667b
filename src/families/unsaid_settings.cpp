#include "families/unsaid_settings.h"

#include <fmt/ranges.h>

#include "base/check.h"
#include "families/hf_config.h"

namespace bascule {
namespace {

/// Megatron's settings of a model, or of what config.json of a family makes of it.
std::optional<Tree> settings_of(MegatronConfig config, const Provider& provider,
                                const Family* family = nullptr) {
  try {
    if (family) config.arch = as_hf_holds(*family, config.arch);
    Tree settings = Tree::map();
    ConfigIo io = ConfigIo::writer(settings);
    megatron_config(io, provider, WindowCount::keys_before, config);
    return settings;
  } catch (const Error& error) {
    if (error.kind() == Kind::internal) throw;
    return std::nullopt;  // it says no model that comes near
  }
}

}  // namespace

std::vector<UnsaidSetting> unsaid_settings(const MegatronConfig& config, const Provider& provider,
                                           const std::vector<const Family*>& families) {
  std::vector<UnsaidSetting> fewest;
  const std::optional<Tree> wanted = settings_of(config, provider);
  if (!wanted) return {};
  for (const Family* family : families) {
    if (family->planned) continue;
    const std::optional<Tree> had = settings_of(config, provider, family);
    if (!had) continue;
    std::vector<UnsaidSetting> unsaid;
    for (const Tree::Entry& entry : wanted->entries())
      if (const Tree* other = had->find(entry.key); !other || *other != entry.value)
        unsaid.push_back(
            {entry.key, entry.value, family, other ? std::optional(*other) : std::nullopt});
    if (!unsaid.empty() && (fewest.empty() || unsaid.size() < fewest.size()))
      fewest = std::move(unsaid);
  }
  return fewest;
}

std::string setting_text(const Tree* value) { return value ? brief(*value) : "not set"; }

std::string settings_apart(const Family& family, const Arch& arch, const Arch& other) {
  const Provider* const provider = find_provider(family.provider);
  if (!provider) return {};
  const std::optional<Tree> ours = settings_of({.arch = arch}, *provider),
                            theirs = settings_of({.arch = other}, *provider);
  if (!ours || !theirs) return {};
  std::vector<std::string> apart;
  for (const Tree* all : {&*ours, &*theirs})
    for (const auto& [key, _] : all->entries()) {
      const Tree *one = ours->find(key), *two = theirs->find(key);
      if ((all == &*theirs && one) || (one && two && *one == *two)) continue;
      apart.push_back(
          fmt::format("model.{} is {}, not {}", key, setting_text(one), setting_text(two)));
    }
  return fmt::format("{}", fmt::join(apart, "; "));
}

}  // namespace bascule
