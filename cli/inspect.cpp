#include <fmt/format.h>

#include <memory>

#include "cli/conversion.h"
#include "cli/json.h"
#include "cli/quantities.h"
#include "cli/table.h"
#include "cli/verb_table.h"

namespace bascule::cli {
namespace {

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string tensor_table(const std::vector<StoredTensor>& tensors, const Terminal& terminal) {
  Rows rows;
  for (const StoredTensor& tensor : tensors)
    rows.push_back({data_text(tensor.bytes), grouped(tensor.chunks), tensor.dtype,
                    shape_text(tensor.shape), tensor.name});
  return table({{.heading = "SIZE", .right = true},
                {.heading = "PIECES", .right = true},
                {.heading = "DTYPE"},
                {.heading = "SHAPE"},
                {.heading = "TENSOR"}},  // last, because it is long
               rows, terminal);
}

std::string inspection_text(const Inspection& seen, bool tensors, const Terminal& terminal) {
  const auto known = [](const std::string& text) { return text.empty() ? "unknown" : text; };
  Rows rows = {{"format", seen.format},
               {"family", known(seen.family)},
               {"architecture", known(seen.architecture)}};
  for (const auto& [fact, value] : seen.facts) rows.push_back({fact, value});
  rows.push_back({"parameters", grouped(seen.parameters)});
  rows.push_back(
      {"tensors", grouped(static_cast<int64_t>(seen.tensors.size())) +
                      (seen.objects > 0 ? ", and " + counted(seen.objects, "object") : "")});
  rows.push_back(
      {"size", fmt::format("{} in {}", data_text(seen.bytes), counted(seen.files, "file"))});
  for (const auto& [dtype, size] : seen.bytes_by_dtype) rows.push_back({dtype, data_text(size)});
  std::string out = terminal.bold(printable(seen.path)) + "\n" + listing(rows, terminal);
  for (const std::string& note : seen.notes) out += line("note: ", note, terminal);
  return tensors ? out + "\n" + tensor_table(seen.tensors, terminal) : out;
}

Invocation make() {
  struct Told : Conversion {
    bool tensors = false;
  };
  auto told = std::make_shared<Told>();
  Invocation made;
  made.options = {
      argument("PATH", "A Hugging Face model or a Megatron checkpoint, or one iteration of it.",
               told->source),
      flag("--tensors",
           "List every tensor: size, in how many pieces it is stored, dtype, shape, "
           "name.",
           told->tensors),
  };
  for (Option& option : reading_options(told->options, told->threads))
    made.options.push_back(std::move(option));
  made.run = [told](const Session& session) -> Result {
    const Options options = settled(*told);
    const Inspection seen = inspect(told->source, options);
    if (session.json) return {.exit = 0, .out = inspection_json(seen, told->tensors), .err = {}};
    if (session.quiet) return {};
    return {.exit = 0, .out = inspection_text(seen, told->tensors, session.out), .err = {}};
  };
  return made;
}

}  // namespace

Verb inspect_verb() {
  return {
      .name = "inspect",
      .summary = "Show what a checkpoint is: format, family, sizes, tensors.",
      .description =
          "Reads the headers of a checkpoint, not its tensors, and prints what it holds.",
      .examples =
          "# What is this?\n"
          "bascule inspect Llama-3.2-1B\n\n"
          "# The tensors of a Megatron checkpoint's latest iteration\n"
          "bascule inspect checkpoints/llama --tensors",
      .make = make,
  };
}

}  // namespace bascule::cli
