#include "kernels/device.h"

#include <c10/core/CachingDeviceAllocator.h>

#include <cstdlib>
#include <string>

#include "base/check.h"
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/present.h"
#include "kernels/memory_count.h"

namespace bascule {
namespace {

thread_local bool meta_is_gpu = false;

}  // namespace

at::Device training_device(bool absent) {
  const char* given = std::getenv("BASCULE_DEVICE");
  const std::string word = given ? given : "";
  require(word.empty() || word == "cpu" || word == "cuda", Kind::user,
          "the environment's BASCULE_DEVICE is \"{}\"; cpu and cuda exist", word);
  if (word == "cpu") return at::kCPU;
  if (word == "cuda" && cuda::kBuilt && absent) return {at::kCUDA, 0};
  bool present = false;
  if constexpr (cuda::kBuilt) present = cuda::present();
  require(word.empty() || cuda::kBuilt, Kind::user,
          "BASCULE_DEVICE is cuda, but this build has no kernels for GPUs; build where nvcc is, or "
          "set BASCULE_DEVICE=cpu");
  require(word.empty() || present, Kind::user,
          "BASCULE_DEVICE is cuda, but no GPU is found here; set BASCULE_DEVICE=cpu");
  return present ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
}

int64_t peak_device_bytes(at::Device device) {
  if (device.is_cpu()) return cpu_memory().peak;
  const auto stats = c10::getDeviceAllocator(at::kCUDA)->getDeviceStats(device.index());
  return stats.allocated_bytes[0].peak;
}

MetaStandsFor::MetaStandsFor(at::Device device) { meta_is_gpu = device.is_cuda(); }
MetaStandsFor::~MetaStandsFor() { meta_is_gpu = false; }

bool on_gpu(at::Device device) { return device.is_cuda() || (device.is_meta() && meta_is_gpu); }

}  // namespace bascule
