#include "train/hf_tensors.h"

#include <set>

#include "base/check.h"
#include "bridge/provider.h"
#include "train/weights.h"

namespace bascule {

HfTensors::HfTensors(std::shared_ptr<LoadedModel> model)
    : model_(std::move(model)),
      plan_(plan(model_->model.slots, model_->parameters->dialect(), hf_names(model_->model))),
      source_(values(*model_->parameters)),
      gather_(plan_, {&source_}) {}

const PlanTensor& HfTensors::at(size_t index) const {
  require(index < count(), Kind::user, "tensor {} of {}", index, count());
  return plan_.to[index];
}

std::vector<std::string> HfTensors::parameters(size_t index) const {
  at(index);
  std::set<size_t> from;
  for (const Copy& copy : plan_.into(index)) from.insert(copy.from);
  std::vector<std::string> names;
  names.reserve(from.size());
  for (const size_t each : from) names.push_back(plan_.from[each].name);
  return names;
}

at::Tensor HfTensors::tensor(size_t index) {
  const PlanTensor& wanted = at(index);
  const DType dtype = gather_.source_dtype(index);
  at::Tensor made = at::empty(wanted.shape, at::TensorOptions(torch_type(dtype)));
  gather_.fill(index, whole(wanted.shape), dtype,
               {static_cast<std::byte*>(made.mutable_data_ptr()), made.nbytes()}, scratch_);
  return made;
}

}  // namespace bascule
