#include <fmt/format.h>

#include <memory>

#include "cli/conversion.h"
#include "cli/json.h"
#include "cli/quantities.h"
#include "cli/verb_table.h"

namespace bascule::cli {
namespace {

constexpr int64_t kMostRanks = 4096;

std::string plan_text(const PlanListing& plan, const Terminal& terminal) {
  std::string out;
  for (const std::string& line : plan.lines) out += printable(line) + "\n";
  const std::string sum = fmt::format(
      "{}: {}, {}", plan.family, plan.copies == 1 ? "1 copy" : grouped(plan.copies) + " copies",
      counted(plan.elements, "element"));
  return out + terminal.bold(printable(sum)) + "\n";
}

Invocation make() {
  auto told = std::make_shared<Planned>();
  Invocation made;
  made.options = {argument("SRC", "A Hugging Face model or a Megatron checkpoint.", told->source)};
  for (Option& option : plan_options(*told)) made.options.push_back(std::move(option));
  made.run = [told](const Session& session) -> Result {
    const Options options = settled(*told);
    const PlanListing plan = plan_listing(told->source, told->to, told->only, told->sizes, options);
    Result result;
    if (!plan.note.empty() && !session.quiet)
      result.err = "bascule: note: " + printable(plan.note) + "\n";
    if (session.json)
      result.out = plan_json(plan);
    else if (!session.quiet)
      result.out = plan_text(plan, session.out);
    return result;
  };
  return made;
}

}  // namespace

std::vector<Option> plan_options(Planned& told) {
  ParallelSizes& sizes = told.sizes;
  Option to = choice("--to", "FORMAT", "What it would be converted to: megatron or hf.",
                     {"megatron", "hf"}, told.to);
  to.required = true;
  std::vector<Option> made = {
      std::move(to),
      text("--only", "PATTERN",
           "List the copies in which a part of a tensor's name, or of the parameter's (such as "
           "layers.0.attn.q), matches this shell pattern; * and ? stand for any text and any "
           "character, [qkv] for one of three.",
           told.only),
      count("--tp", "Tensor parallel size: list what each rank would hold (default: 1).", 1,
            kMostRanks, sizes.tp),
      count("--pp", "Pipeline parallel size (default: 1).", 1, kMostRanks, sizes.pp),
      count("--vpp", "Virtual pipeline stages on each rank (default: 1).", 1, kMostRanks,
            sizes.vpp),
      count("--cp", "Context parallel size (default: 1).", 1, kMostRanks, sizes.cp),
      count("--ep", "Expert parallel size (default: 1).", 1, kMostRanks, sizes.ep),
      count("--etp", "Expert tensor parallel size (default: as --tp).", 1, kMostRanks, sizes.etp),
      count("--padded-vocab-multiple",
            "Pad the rows of the vocabulary to a multiple of this (default: 1, no padding).", 1,
            kMostPadding, told.options.padded_vocab_multiple),
  };
  for (Option& option : reading_options(told.options, told.threads))
    made.push_back(std::move(option));
  return made;
}

Verb plan_verb() {
  return {
      .name = "plan",
      .summary = "Show which piece of which tensor goes where.",
      .description =
          "Prints the copies that a conversion consists of, one line each: a box of a stored "
          "tensor, and the box that it becomes. With parallel sizes above 1, the target is the "
          "ranks of such a run, and each rank's shapes are listed. Reads headers only and writes "
          "nothing.",
      .examples =
          "# How query, key and value of layer 0 are fused\n"
          "bascule plan Llama-3.2-1B --to megatron --only 'layers.0.attn.[qkv]'\n\n"
          "# What every rank would hold under tensor parallel size 2\n"
          "bascule plan Llama-3.2-1B --to megatron --tp 2\n\n"
          "# The way back\n"
          "bascule plan checkpoints/llama --to hf --only '*embed*'",
      .make = make,
  };
}

}  // namespace bascule::cli
