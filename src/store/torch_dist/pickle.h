// Reads and writes Python pickles as data. No callables exist here: a hostile pickle can at most be
// refused. Free functions without state; safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "store/torch_dist/pickle_value.h"

namespace bascule::pickle {

/// What a pickle may cost to decode, beyond its own bytes.
struct Limits {
  /// Bytes of nodes, stack and memo. The default grows with the input, and so stays below 300 MB
  /// for any file of up to 40 MB; ten times what files of Megatron need.
  size_t memory = 0;  // 0: 64 MiB + 6 times the input
  /// Stops at the first string of the outermost object's state that equals this, keeping what came
  /// before: what follows `all_local_plans` in a `.metadata` is large and never needed.
  std::string_view stop_at = {};
};

/// Decodes one pickle of protocol 2 to 5 (0 and 1 only as far as they use binary opcodes).
/// Throws Error{format} naming the opcode and its offset.
Value decode(std::string bytes, const Limits& limits = {});

/// Encodes `value` in protocol 2, with opcodes that torch.load(weights_only=True) takes.
std::string encode(const Value& value);

/// "{'iteration': 0, 'args': argparse.Namespace(...)}": for messages and tests.
std::string to_string(const Value& value);

}  // namespace bascule::pickle
