// at::Tensor in nanobind's signatures: the same tensor on both sides, nothing is copied; one that
// is undefined becomes None. For the torch that this was compiled against.
#pragma once

#include <nanobind/nanobind.h>
#include <torch/csrc/autograd/python_variable.h>

namespace nanobind::detail {

template <>
struct type_caster<at::Tensor> {
  NB_TYPE_CASTER(at::Tensor, const_name("torch.Tensor"))

  bool from_python(handle given, uint8_t, cleanup_list*) noexcept {
    if (!THPVariable_Check(given.ptr())) return false;
    value = THPVariable_Unpack(given.ptr());
    return true;
  }
  static handle from_cpp(const at::Tensor& tensor, rv_policy, cleanup_list*) noexcept {
    return THPVariable_Wrap(tensor);
  }
};

}  // namespace nanobind::detail
