#include <fnmatch.h>

#include "base/check.h"
#include "bridge/opened.h"
#include "convert/plan.h"

namespace bascule {
namespace {

bool wanted(const std::string& pattern, std::initializer_list<std::string_view> texts) {
  if (pattern.empty()) return true;
  const std::string anywhere = "*" + pattern + "*";
  for (const std::string_view text : texts)
    if (fnmatch(anywhere.c_str(), std::string(text).c_str(), 0) == 0) return true;
  return false;
}

}  // namespace

PlanListing plan_listing(const std::string& source_path, const std::string& to,
                         const std::string& only, const ParallelSizes& sizes,
                         const Options& options) {
  require(to == "megatron" || to == "hf", Kind::user, "--to takes megatron or hf, not {}", to);
  const Mesh mesh{.tp = sizes.tp,
                  .pp = sizes.pp,
                  .vpp = sizes.vpp,
                  .cp = sizes.cp,
                  .ep = sizes.ep,
                  .etp = sizes.etp};
  check(mesh);
  const Opened source = open_model(source_path, options);
  MegatronForm form = usual_form(source.arch);
  form.vocab_multiple = options.padded_vocab_multiple;
  const Place from{0, &source.dialect, {}};
  std::vector<Dialect> dialects;
  std::vector<Place> places;
  if (to == "hf") {
    require(mesh.world() == 1, Kind::user, "parallel sizes are for --to megatron");
    dialects.push_back(hf_dialect(*source.family, source.arch, source.slots));
    places.push_back({0, &dialects[0], {}});
  } else if (mesh.world() == 1) {
    dialects.push_back(megatron(source.arch, source.slots, form));
    places.push_back({0, &dialects[0], {}});
  } else {
    check(mesh, source.arch);
    form.vocab_multiple *= mesh.tp;
    for (int64_t rank = 0; rank < mesh.world(); ++rank)
      dialects.push_back(megatron_local(source.arch, source.slots, mesh, rank, form));
    for (int64_t rank = 0; rank < mesh.world(); ++rank)
      places.push_back({rank, &dialects[static_cast<size_t>(rank)], place(mesh, rank).shards});
  }
  const Plan all = plan(source.slots, std::span(&from, 1), places);
  PlanListing listing{.family = source.family->name};
  const bool ranks = places.size() > 1;
  for (size_t i = 0; i < all.to.size(); ++i) {
    const PlanTensor& tensor = all.to[i];
    bool named = false;
    for (const Copy& copy : all.into(i)) {
      const PlanTensor& read = all.from[copy.from];
      const std::string& slot = source.slots.all()[copy.slot].id;
      if (!wanted(only, {slot, read.name, tensor.name})) continue;
      if (!named) {
        listing.lines.push_back(fmt::format("{}{} {}",
                                            ranks ? fmt::format("rank {}: ", tensor.rank) : "",
                                            tensor.name, to_string(tensor.shape)));
        named = true;
      }
      listing.lines.push_back("  " + copy.str(slot, read, tensor));
      ++listing.copies;
      listing.elements += copy.elements();
    }
  }
  if (!only.empty() && listing.copies == 0 && !all.to.empty() && !all.into(0).empty()) {
    const Copy& copy = all.into(0)[0];
    listing.note = fmt::format(
        "no copy matches {}; patterns are shell's, over names such as {}, {} and {}", only,
        all.from[copy.from].name, all.to[0].name, source.slots.all()[copy.slot].id);
  }
  return listing;
}

}  // namespace bascule
