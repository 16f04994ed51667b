#include "kernels/cuda/present.h"

#include <c10/cuda/CUDAFunctions.h>
#include <dlfcn.h>

#include "base/check.h"

namespace bascule::cuda {

// torch's CUDA libraries take 0.2 GB of a process, which one that finds no GPU does without.
bool present() {
  static const bool found = [] {
    if (c10::cuda::device_count() == 0) return false;
    require(dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr, Kind::environment,
            "there is a GPU, but torch's library for it could not be loaded ({}); repair torch, or "
            "set BASCULE_DEVICE=cpu",
            dlerror());
    return true;
  }();
  return found;
}

}  // namespace bascule::cuda
