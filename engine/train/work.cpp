#include "train/work.h"

#include "base/check.h"

namespace bascule {
namespace {

/// While one lives, a step is under way.
class Stepping {
 public:
  Stepping(const Training& run, const MicroBatchAt& at) : under_way_(*run.under_way) {
    under_way_ = {.now = at.split == Split::train, .before = at.index};
    if (under_way_.now) under_way_.router_losses = run.router_losses.sums;
  }
  ~Stepping() { under_way_ = {}; }
  Stepping(const Stepping&) = delete;
  Stepping& operator=(const Stepping&) = delete;

 private:
  UnderWay& under_way_;
};

}  // namespace

Work::Work(const Training& run, const Settings& settings, const Batches& batches,
           const Hooks& hooks)
    : run_(run), hooks_(hooks) {
  require(!hooks.has || (!settings.dataset.blend && !settings.dataset.blend_per_split), Kind::user,
          "dataset.blend names data, but the run was given a dataset of the program's; leave one "
          "of the two out");
  if (hooks.has) return;
  require(run.model || settings.model.vocab_size, Kind::user,
          "a module of your own is trained on the settings' datasets, which need model.vocab_size");
  feed_.emplace(settings, run.model ? run.model->arch.vocab : *settings.model.vocab_size);
  const MicroBatches read = [this](int64_t consumed, int64_t index) {
    return feed_->read(Split::train, consumed, index);
  };
  ahead_.emplace(read, batches, batches.consumed_after(train_iters(settings)));
}

bool Work::has(Split split) const { return hooks_.has ? hooks_.has(split) : feed_->has(split); }

Batch Work::batch(const MicroBatchAt& at) {
  if (!feed_) {
    require(static_cast<bool>(hooks_.read), Kind::internal, "nothing reads the data of a run");
    Batch read = hooks_.read(at);
    require(read.sequences == at.sequences, Kind::user,
            "the {} dataset gave {} sequences, and train.micro_batch_size is {}", name(at.split),
            read.sequences, at.sequences);
    return read;
  }
  if (at.split == Split::train) return ahead_->get(at.consumed, at.index);
  return feed_->read(at.split, at.consumed, at.index);
}

Computed Work::compute(const MicroBatchAt& at) {
  if (hooks_.check) hooks_.check();
  if (!hooks_.compute) {
    require(run_.decoder != nullptr, Kind::internal, "nothing computes the module of a run");
    return computed(run_, batch(at), at);
  }
  const Stepping now(run_, at);
  return hooks_.compute(at, [&] { return moved(batch(at), run_.parameters->device()); });
}

}  // namespace bascule
