// Reads and writes Python pickles as data. No callables exist here: a hostile pickle can at most be
// refused. Free functions without state; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/torch_dist/pickle_value.h"

namespace bascule::pickle {

/// A part of a pickle that need not be decoded: a key of the outermost object's state, and all that
/// follows it. It is decoded after all when one of the `needed` keys has not come before.
struct Skip {
  std::string_view from;
  std::vector<std::string_view> needed;
};

struct Limits {
  /// Bytes of nodes, stack and memo, beyond those of the pickle itself. The default grows with the
  /// pickle and is ten times what Megatron's files need; hostile ones stay below 300 MB up to a
  /// size of 30 MB.
  size_t memory = 0;  // 0: 64 MiB + 6 times the pickle
  Skip skip = {};
};

/// Decodes one pickle of protocol 2 to 5 (0 and 1 only as far as they use binary opcodes).
/// Throws Error{format} naming the opcode and its offset.
Value decode(std::string bytes, const Limits& limits = {});

/// Encodes `value` in protocol 2, with opcodes that torch.load(weights_only=True) takes.
std::string encode(const Value& value);

/// "{'iteration': 0, 'args': argparse.Namespace(...)}": for messages and tests.
std::string to_string(const Value& value);

}  // namespace bascule::pickle
