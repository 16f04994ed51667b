#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "base/shown.h"
#include "bridge/memory_budget.h"
#include "bridge/opened.h"
#include "convert/executor.h"
#include "families/run_config.h"
#include "settings/config_io.h"
#include "settings/nearest.h"
#include "store/manifest.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

/// The config.json of a model, which travels with a Megatron checkpoint; empty where it is absent.
Tree config_of(const std::string& path) {
  const fs::path file = is_megatron(path) ? iteration_directory(path) / kConfigFile
                                          : resolve_hf(path) / "config.json";
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return Tree::map();
  return parse_json(read_small_file(file, kConfigLimit), file.string());
}

/// The keys of config.json that an import left out of account.
std::vector<std::string> ignored_before(const std::string& path) {
  if (!is_megatron(path)) return {};
  const fs::path file = iteration_directory(path) / kStateName;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  return parse_state(read_small_file(file, kStateLimit), file.string()).ignored_keys;
}

/// Options for each side: a key to ignore is for the configurations that have it, and one must.
/// What an import of one side left out of account, the other need not be asked for again.
std::pair<Options, Options> options_of(const std::string& first_path,
                                       const std::string& second_path, const Options& options) {
  std::pair<Options, Options> of{options, options};
  std::vector<std::string> before = ignored_before(first_path);
  for (std::string& key : ignored_before(second_path)) before.push_back(std::move(key));
  if (options.ignore_keys.empty() && before.empty()) return of;
  const Tree first = in_context("the first", [&] { return config_of(first_path); });
  const Tree second = in_context("the second", [&] { return config_of(second_path); });
  std::vector<std::string> names;
  for (const Tree* config : {&first, &second})
    if (config->is_map())
      for (const Tree::Entry& entry : config->entries()) names.push_back(entry.key);
  of.first.ignore_keys = keys_to_ignore(first, options.ignore_keys, before);
  of.second.ignore_keys = keys_to_ignore(second, options.ignore_keys, before);
  for (const std::string& key : options.ignore_keys) {
    if (!has_key(first, key) && !has_key(second, key))
      fail(Kind::user, "neither {} nor {} has a key {} to ignore in its config.json{}", first_path,
           second_path, shown(key), did_you_mean(key, names));
  }
  return of;
}

/// Whether only comparing with another can tell which family a checkpoint is of.
bool may_not_say_its_family(const std::string& path) {
  std::error_code ignored;
  return is_megatron(path) && !fs::exists(iteration_directory(path) / kStateName, ignored);
}

std::pair<Opened, Opened> open_both(const std::string& first_path, const std::string& second_path,
                                    const Options& options) {
  auto [for_first, for_second] = options_of(first_path, second_path, options);
  // --family is for the side that does not say it, where one does.
  const bool asks_first = may_not_say_its_family(first_path),
             asks_second = may_not_say_its_family(second_path);
  if (asks_first && !asks_second) for_second.family.clear();
  if (asks_second && !asks_first) for_first.family.clear();
  const auto open = [](const char* which, const std::string& path, const Options& how,
                       const Family* likely) {
    return in_context(which, [&] { return open_model(path, how, likely); });
  };
  // Opening a Megatron checkpoint takes more for a moment than all that is kept: it comes first.
  const bool heavy_second = is_megatron(second_path) && !is_megatron(first_path) && !asks_second;
  std::optional<Opened> second;
  try {
    if (asks_first || heavy_second) second = open("the second", second_path, for_second, nullptr);
  } catch (const Error& error) {
    // Perhaps only the first can tell which family both are of.
    if (!asks_second || error.kind() != Kind::unsupported) throw;
  }
  if (second) {
    Opened first = open("the first", first_path, for_first, second->family);
    return {std::move(first), std::move(*second)};
  }
  Opened first = open("the first", first_path, for_first, nullptr);
  second = open("the second", second_path, for_second, first.family);
  return {std::move(first), std::move(*second)};
}

/// The facts that count: where one is a Megatron checkpoint, those that Megatron can hold.
Arch compared(const Opened& model, bool as_megatron) {
  return as_megatron ? nearest_in_megatron(*model.family, model.arch) : model.arch;
}

/// Adds to the report what two models of one size have that tensors do not show.
void add_difference(const Opened& first, const Opened& second, Report& report) {
  const bool megatron =
      first.format == Opened::Format::torch_dist || second.format == Opened::Format::torch_dist;
  const std::string part = difference(compared(first, megatron), compared(second, megatron));
  const std::string &a = first.family->name, &b = second.family->name;
  if (first.family == second.family && !part.empty())
    report.difference = fmt::format(
        "the configurations differ, first in {}: the same weights compute something else; compare "
        "the output of `bascule inspect` on both",
        part);
  else if (!part.empty())
    report.difference = fmt::format(
        "these are models of two families, {} and {}, and differ first in {}; compare the output "
        "of `bascule inspect` on both",
        a, b, part);
  else if (first.family != second.family)
    report.notes.push_back(
        fmt::format("the first is of family {}, the second of {}; both compute the same", a, b));
}

}  // namespace

Report verify_checkpoints(const std::string& first_path, const std::string& second_path,
                          const Options& options, Reporter& reporter) {
  const auto [first, second] = open_both(first_path, second_path, options);
  const Arch &a = first.arch, &b = second.arch;
  require(a.layers.size() == b.layers.size() && a.hidden == b.hidden && a.vocab == b.vocab,
          Kind::mismatch,
          "these are models of different sizes: {} with {} layers of width {} and {} tokens ({}), "
          "and {} with {} layers of width {} and {} tokens ({})",
          first.family->name, a.layers.size(), a.hidden, a.vocab, first.path.string(),
          second.family->name, b.layers.size(), b.hidden, b.vocab, second.path.string());
  const Options within = within_memory(options, first.path, first.slots, !options.brief);
  tell_fewer_threads(options, within, reporter);
  Report report = verify(spelled(first), spelled(second), reporter,
                         {.threads = within.threads,
                          .memory = within.memory,
                          .convert_first = false,
                          .brief = options.brief});
  add_difference(first, second, report);
  return report;
}

SelfCheck verify_checkpoint(const std::string& path, const Options& options, Reporter& reporter) {
  const Opened opened = open_model(path, options);
  SelfCheck check{.tensors = static_cast<int64_t>(opened.source().tensors().size())};
  const fs::path file = opened.path / kManifestName;
  std::error_code ignored;
  for (const TensorReport& row : check_aliases(opened.source(), opened.dialect))
    check.problems.push_back(sentence(row));
  if (!fs::exists(file, ignored)) return check;
  check.has_manifest = true;
  const Manifest manifest = parse_manifest(read_small_file(file, int64_t{64} << 20), file.string());
  check.files = static_cast<int64_t>(manifest.files.size());
  const int threads = std::min(options.threads, most_threads(options.memory));
  for (std::string& problem : bascule::check(opened.path, manifest, reporter, threads))
    check.problems.push_back(std::move(problem));
  return check;
}

}  // namespace bascule
