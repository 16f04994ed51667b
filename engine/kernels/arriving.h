// A tensor on its way from its device to the host.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/Event.h>

#include <memory>

namespace bascule {

/// Begins when it is made, after what its stream was given before. Who asks for the values waits
/// for that, but not for what the stream was given since. A copy is another hold on the same one.
class Arriving {
 public:
  explicit Arriving(const at::Tensor& from);

  /// On the CPU.
  const at::Tensor& values() const;

 private:
  at::Tensor there_;
  std::shared_ptr<c10::Event> ready_;  // none: it is there
};

}  // namespace bascule
