#include "train/peak_memory.h"

#include "base/check.h"
#include "kernels/device.h"
#include "kernels/memory_count.h"
#include "train/save.h"
#include "train/training.h"

namespace bascule {
namespace {

/// What the libraries take beside tensors that are seen, and what blocks are larger than asked for.
int64_t with_margin(int64_t bytes, at::Device device, bool mixed_precision) {
  constexpr int64_t kWorkspace = int64_t{64} << 20;  // cuBLAS' on one stream, and small things
  constexpr int64_t kWidened = int64_t{4} << 20;     // a slice of a gradient on its way to fp32
  const int64_t beside = device.is_cuda() ? kWorkspace : mixed_precision ? kWidened : 0;
  return bytes + bytes / 200 + beside;
}

Batch sizes_of(const Settings& settings) {
  const int64_t rows = settings.train.micro_batch_size.value_or(1);
  const int64_t count = rows * settings.model.seq_length;
  const auto integers = at::TensorOptions(at::kMeta).dtype(at::kLong);
  Batch batch{.sequences = rows,
              .length = settings.model.seq_length,
              .tokens = at::empty({count}, integers),
              .labels = at::empty({count}, integers),
              .loss_mask = at::empty({count}, integers.dtype(at::kFloat)),
              .positions = at::empty({count}, integers)};
  if (settings.dataset.reset_attention_mask)
    batch.documents = at::empty({rows, batch.length}, integers);
  return batch;
}

}  // namespace

PeakMemory predicted_peak(const Settings& settings, const TrainedModel& model) {
  const at::Device device = training_device(/*absent=*/true);
  count_memory();
  const MetaStandsFor stands(device);
  forget_meta_peak();
  const int64_t before = meta_memory().live;
  const Training run = make_training(model, settings, at::kMeta);
  Batch ahead;  // the next one is read while one is computed, on the host
  if (device.is_cpu()) ahead = sizes_of(settings);
  run.decoder->forward_backward(sizes_of(settings), 1);
  int64_t bytes = meta_memory().peak - before;
  if (device.is_cpu() && settings.checkpoint.save && settings.checkpoint.async_save)
    bytes += copied_bytes(run, settings);
  return {with_margin(bytes, device, settings.mixed_precision.has_value()), device.is_cuda()};
}

}  // namespace bascule
