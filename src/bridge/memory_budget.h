// What of --memory is left for data: names, shapes and copies of tensors come first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

#include "bascule/bridge.h"
#include "model/slot.h"

namespace bascule {

/// Bytes that stay resident whatever the windows of data are: the program, and what is kept of each
/// tensor, with `rows` also its row in a report.
int64_t resident_bytes(int64_t tensors, bool rows = false);

/// The options for working on a model's data: their memory is less what its tensors take, and their
/// threads are no more than then have room. Throws Error{user} where the tensors alone do not fit,
/// with the value to give.
Options within_memory(Options options, const std::filesystem::path& model, int64_t tensors,
                      bool rows = false);

/// The number of tensors that count.
inline Options within_memory(Options options, const std::filesystem::path& model,
                             const Slots& slots, bool rows = false) {
  return within_memory(std::move(options), model, static_cast<int64_t>(slots.all().size()), rows);
}

/// Tells where fewer threads work than were asked for.
void tell_fewer_threads(const Options& asked, const Options& within, Reporter& reporter);

}  // namespace bascule
