// The data.pkl of a tensor: what torch.load rebuilds it from.
#pragma once

#include "store/tensor_source.h"
#include "store/torch_dist/pickle_writer.h"

namespace bascule {

/// Writes a dense, row-major tensor of storage `key` into a pickle.
void write_tensor(pickle::Writer& pickle, DType dtype, const Shape& shape, std::string_view key);

}  // namespace bascule
