#include <fmt/format.h>

#include "cli/json.h"
#include "cli/machine.h"
#include "cli/quantities.h"
#include "cli/table.h"
#include "cli/verb_table.h"

namespace bascule::cli {
namespace {

constexpr int64_t kLeastMemory = int64_t{150} << 20;

std::string or_none(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

std::string memory_row(const Machine& machine) {
  if (machine.memory < 0) return "unknown";
  std::string out = memory_text(machine.memory);
  if (machine.memory_available >= 0)
    out += fmt::format(", {} available", memory_text(machine.memory_available));
  return out;
}

std::string cores_row(const Machine& machine) {
  std::string out = grouped(machine.cores);
  if (machine.cores_allowed < static_cast<double>(machine.cores))
    out += fmt::format(", of which this process may use {:.3g}", machine.cores_allowed);
  return out;
}

std::string disk_row(const Machine& machine) {
  if (machine.disk_free < 0) return "unknown";
  return fmt::format("{} free of {}", data_text(machine.disk_free), data_text(machine.disk_size));
}

std::string machine_text(const Machine& machine, const Terminal& terminal) {
  Rows rows = {{"cores", cores_row(machine)},
               {"memory", memory_row(machine)},
               {"memory limit", machine.memory_limit < 0
                                    ? "none set by a control group"
                                    : memory_text(machine.memory_limit) + ", of the control group"},
               {"folder", machine.disk_path},
               {"disk", disk_row(machine)},
               {"file system", or_none(machine.file_system, "unknown")}};
  if (machine.gpus.empty()) rows.push_back({"GPU", "none"});
  for (const Gpu& gpu : machine.gpus)
    rows.push_back({"GPU", gpu.memory < 0
                               ? gpu.name
                               : fmt::format("{}, {}", gpu.name, memory_text(gpu.memory))});
  rows.push_back({"driver", or_none(machine.driver, "none")});
  rows.push_back({"NCCL", or_none(machine.nccl, "not found")});
  rows.push_back({"engine", or_none(machine.engine, "bascule-engine not found")});
  std::string out = terminal.bold("this machine") + "\n" + listing(rows, terminal);

  const bool tight = (machine.memory_limit >= 0 && machine.memory_limit < kLeastMemory) ||
                     (machine.memory_available >= 0 && machine.memory_available < kLeastMemory);
  out += tight ? terminal.yellow("converting:") + " less than 150 MiB of memory, use --memory 64M\n"
               : terminal.green("converting:") + " ready; it needs neither GPU nor Python\n";
  if (machine.engine.empty())
    out += "training:   needs bascule-engine; \"bascule train\" says how to build it\n";
  else if (machine.gpus.empty())
    out += "training:   bascule-engine is here, but no GPU\n";
  else
    out += terminal.green("training:") + "   bascule-engine and a GPU are here\n";
  return out;
}

Invocation make() {
  Invocation made;
  made.run = [](const Session& session) -> Result {
    const Machine machine = this_machine();
    if (session.json) return {.exit = 0, .out = machine_json(machine), .err = {}};
    if (session.quiet) return {};
    return {.exit = 0, .out = machine_text(machine, session.out), .err = {}};
  };
  return made;
}

}  // namespace

Verb doctor_verb() {
  return {
      .name = "doctor",
      .summary = "Show what this machine has for converting and training.",
      .description =
          "Cores and memory with the limits that a container sets, room on the disk of the current "
          "folder, GPUs, their driver, NCCL, and which bascule-engine would be run. Include its "
          "output when you report a problem.",
      .examples =
          "# What is here?\n"
          "bascule doctor\n\n"
          "# For a program\n"
          "bascule doctor --json",
      .make = make,
  };
}

}  // namespace bascule::cli
