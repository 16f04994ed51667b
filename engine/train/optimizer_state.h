// What a Megatron checkpoint holds of an optimizer, read into ours. Free functions; one thread.
#pragma once

#include "train/stored_run.h"
#include "train/training.h"

namespace bascule {

/// Fills moments and masters, and counts the updates that they have seen. Masters that are not
/// stored, as those of a run in fp32, stay what they are: the weights. Throws Error{unsupported}
/// where the state lies in the form of one layout, Error{mismatch} where there is none.
void take_optimizer(const StoredRun& stored, Training& run);

}  // namespace bascule
