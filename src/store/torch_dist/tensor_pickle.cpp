#include "store/torch_dist/tensor_pickle.h"

#include "base/check.h"
#include "store/torch_dist/storage_class.h"

namespace bascule {
namespace {

void write_integers(pickle::Writer& pickle, const Shape& values) {
  if (values.empty()) return pickle.empty_tuple();
  pickle.begin_tuple();
  for (const int64_t value : values) pickle.integer(value);
  pickle.end_tuple();
}

}  // namespace

void write_tensor(pickle::Writer& pickle, DType dtype, const Shape& shape, std::string_view key) {
  const std::string_view typed = storage_class(dtype);
  require(!torch_name(dtype).empty() && bits(dtype) % 8 == 0, Kind::unsupported,
          "torch has no dtype for {}", safetensors_name(dtype));
  const int64_t count = elements(shape);
  Shape strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * std::max<int64_t>(shape[d], 1);

  pickle.global("torch._utils", typed.empty() ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2");
  pickle.begin_tuple();
  pickle.begin_tuple();
  pickle.string("storage");
  typed.empty() ? pickle.global("torch.storage", "UntypedStorage") : pickle.global("torch", typed);
  pickle.string(key);
  pickle.string("cpu");
  pickle.integer(typed.empty() ? bytes(dtype, count) : count);
  pickle.end_tuple();
  pickle.persistent();
  pickle.integer(0);
  write_integers(pickle, shape);
  write_integers(pickle, strides);
  pickle.boolean(false);  // requires_grad
  pickle.global("collections", "OrderedDict");
  pickle.empty_tuple();
  pickle.reduce();  // no hooks
  if (typed.empty()) pickle.global("torch", torch_name(dtype));
  pickle.end_tuple();
  pickle.reduce();
}

}  // namespace bascule
