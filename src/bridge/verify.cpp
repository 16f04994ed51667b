#include "convert/verifier.h"

#include "base/check.h"
#include "base/file.h"
#include "bridge/opened.h"
#include "store/manifest.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

}  // namespace

Report verify_checkpoints(const std::string& first_path, const std::string& second_path,
                          const Options& options, Reporter& reporter) {
  const Opened first = in_context("the first", [&] { return open_model(first_path, options); });
  Options for_second = options;
  if (for_second.family.empty()) for_second.family = first.family->name;
  const Opened second =
      in_context("the second", [&] { return open_model(second_path, for_second); });
  const VerifyOptions how{
      .threads = options.threads, .memory = options.memory, .convert_first = false};
  const Arch &a = first.arch, &b = second.arch;
  require(a.layers.size() == b.layers.size() && a.hidden == b.hidden && a.vocab == b.vocab,
          Kind::mismatch,
          "these are models of different sizes: {} layers of width {} with {} tokens ({}), and {} "
          "layers of width {} with {} tokens ({})",
          a.layers.size(), a.hidden, a.vocab, first.path.string(), b.layers.size(), b.hidden,
          b.vocab, second.path.string());
  // Each side speaks its own dialect about the first's parameters.
  Report report = verify(first.slots, {&first.source(), &first.dialect},
                         {&second.source(), &second.dialect}, reporter, how);
  if (first.family != second.family)
    report.notes.push_back(fmt::format("the first is of family {}, the second of {}",
                                       first.family->name, second.family->name));
  if (!(a == b))
    report.notes.push_back(
        "the configurations differ in facts that change what the same weights compute; compare the "
        "output of `bascule inspect` on both");
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
  for (std::string& problem : bascule::check(opened.path, manifest, reporter, options.threads))
    check.problems.push_back(std::move(problem));
  return check;
}

}  // namespace bascule
