// torch's typed storages: the class names under which data.pkl refers to a tensor's elements.
#pragma once

#include <string_view>

#include "store/dtype.h"
#include "store/torch_dist/pickle_value.h"

namespace bascule {

/// Returns the dtype of a storage class, for instance that of torch.BFloat16Storage. Throws
/// Error{format} naming any other value.
DType dtype_of_storage(const pickle::Value& cls);

/// Returns the class name, "" for a dtype that only torch.storage.UntypedStorage can hold.
std::string_view storage_class(DType dtype);

}  // namespace bascule
