#include "train/trainer.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>

#include "base/check.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "kernels/device.h"
#include "kernels/memory_count.h"
#include "recipe/flops.h"
#include "train/console.h"
#include "train/profile.h"
#include "train/save.h"
#include "train/saver.h"
#include "train/start.h"
#include "train/tensorboard.h"
#include "train/work.h"
#include "train/world.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The moments of an evaluation, begun and ended; those of its steps, too.
struct EvaluationMoments {
  std::string_view begin, step_begin, step_end, end;
};
constexpr EvaluationMoments kValidation = {"on_eval_start", "on_eval_step_start",
                                           "on_eval_step_end", "on_eval_end"};
constexpr EvaluationMoments kTest = {"on_test_start", "on_test_step_start", "on_test_step_end",
                                     "on_test_end"};

/// One run from its start to its end.
class Loop {
 public:
  Loop(const Resolved& resolved, Reporter& reporter,
       const std::function<void(const std::string&)>& say, const Hooks& hooks)
      : resolved_(resolved),
        settings_(resolved.settings),
        reporter_(reporter),
        say_(say),
        hooks_(hooks),
        steps_(train_iters(settings_)),
        held_(std::make_shared<Training>(hooks.module ? start_module(*hooks.module, settings_)
                                                      : start(settings_, reporter))),
        run_(*held_),
        batches_(batches(settings_)),
        profile_(settings_.profiling, profile_folder(), run_.parameters->device().is_cuda()),
        began_(now()),
        saver_(resolved, reporter, [this](const fs::path& path) { saved(path); }) {}

  TrainOutcome go() {
    std::optional<Uninterrupted> until_saved;
    if (settings_.train.exit_signal_handler) until_saved.emplace();
    outcome_.begun = run_.begun;
    outcome_.steps = steps_;
    if (hooks_.begun) hooks_.begun(held_);
    outcome_.finished = run_.counters.step >= steps_;
    if (outcome_.finished && !settings_.validation.skip_train) {
      say_(fmt::format("nothing to do: {} of {} steps are done ({})", run_.counters.step, steps_,
                       run_.begun));
      return finished();
    }
    say_(run_.begun);
    if (const auto& path = settings_.logger.save_config_filepath)
      write_file_atomically(*path, to_annotated_yaml(resolved_));
    if (settings_.validation.skip_train) {
      Work work(run_, settings_, batches_, hooks_);
      evaluate_at_end(work);
      return finished();
    }
    check_save(settings_);
    Work work(run_, settings_, batches_, hooks_);
    if (const auto path = metrics_path(); !path.empty())
      sinks_.push_back(
          in_context("logger.metrics_path", [&] { return json_lines(path, run_.counters.step); }));
    if (settings_.logger.tensorboard_dir)
      sinks_.push_back(in_context("logger.tensorboard_dir", [&] {
        return tensorboard(settings_.logger, static_cast<double>(std::time(nullptr)));
      }));
    if (hooks_.log) sinks_.push_back(scalars_to(settings_.logger, hooks_.log));
    tell({.name = "on_train_start"});
    const int64_t begun_at = run_.counters.step;
    try {
      while (run_.counters.step < steps_ && outcome_.stopped.empty()) step(work);
    } catch (...) {
      if (hooks_.save_on_error && run_.counters.step > std::max(begun_at, saved_at_))
        save_after_error();
      throw;
    }
    profile_.end();
    flush();
    tell({.name = "on_train_end"});
    if (settings_.checkpoint.save && saved_at_ != run_.counters.step) save_now();
    saver_.finish();
    if (outcome_.stopped.empty() && settings_.validation.eval_iters > 0) evaluate_at_end(work);
    return finished();
  }

 private:
  void step(Work& work) {
    profile_.at(run_.counters.step);
    tell({.name = "on_train_step_start"});
    const double before = now();
    const StepResult result = train_step(
        run_, [&](const MicroBatchAt& at) { return work.compute(at); }, batches_);
    const double flops =
        run_.model ? training_flops(run_.model->arch, result.sequences, settings_.model.seq_length)
                   : 0;
    run_.counters.floating_point_operations_so_far += flops;
    outcome_.loss = result.loss;
    const StepRow row{.step = run_.counters.step,
                      .steps = steps_,
                      .consumed_samples = run_.counters.consumed_train_samples,
                      .seconds = now() - before,
                      .flops = flops,
                      .peak_bytes = peak_device_bytes(run_.parameters->device()),
                      .result = result};
    rows_.push_back(row);
    for (const auto& sink : sinks_) sink->step(row);
    tell({.name = "on_train_step_end", .step = &row});
    if (divides(settings_.logger.log_interval)) flush();
    const ValidationSettings& rules = settings_.validation;
    if (rules.eval_interval && rules.eval_iters > 0 && divides(*rules.eval_interval) &&
        run_.counters.step < steps_)
      evaluate_now(work, Split::valid);
    saver_.poll();
    const auto& interval = settings_.checkpoint.save_interval;
    if (settings_.checkpoint.save && interval && divides(*interval)) save_now();
    decide();
  }

  bool divides(int64_t interval) const { return run_.counters.step % interval == 0; }

  void flush() {
    if (rows_.empty()) return;
    say_(console_line(rows_, settings_.logger.log_throughput, std::time(nullptr)));
    rows_.clear();
  }

  void evaluate_now(Work& work, Split split) {
    if (!work.has(split)) return;
    const EvaluationMoments& moments = split == Split::valid ? kValidation : kTest;
    const int64_t each = global_batch_size(settings_) / batches_.micro;
    const int64_t count = settings_.validation.eval_iters * each;
    const int64_t consumed = split == Split::valid ? run_.counters.consumed_valid_samples : 0;
    tell({.name = moments.begin});
    const Compute compute = [&](const MicroBatchAt& at) {
      if (at.index % each == 0) tell({.name = moments.step_begin});
      Computed made = work.compute(at);
      if ((at.index + 1) % each == 0) tell({.name = moments.step_end});
      return made;
    };
    const Evaluated found = evaluate(
        compute,
        {.split = split, .consumed = consumed, .count = count, .sequences = batches_.micro});
    const EvaluationRow row{.step = run_.counters.step,
                            .split = split == Split::valid ? "validation" : "test",
                            .loss = found.loss,
                            .reported = found.reported};
    if (split == Split::valid) run_.counters.consumed_valid_samples += count * batches_.micro;
    say_(console_line(row));
    for (const auto& sink : sinks_) sink->evaluation(row);
    tell({.name = moments.end, .evaluation = &row});
  }

  void evaluate_at_end(Work& work) {
    evaluate_now(work, Split::valid);
    evaluate_now(work, Split::test);
  }

  void tell(const Moment& moment) const {
    if (hooks_.tell) hooks_.tell(moment);
  }

  /// What is thrown is what the run ends with, not what saving it throws.
  void save_after_error() {
    try {
      save_now();
      saver_.finish();
    } catch (const std::exception& error) {
      reporter_.warn(
          fmt::format("the steps since the last checkpoint could not be saved: {}", error.what()));
    }
  }

  void save_now() {
    if (hooks_.random) run_.random = hooks_.random(run_.random);
    saver_.save(run_);
    saved_at_ = run_.counters.step;
  }

  void saved(const fs::path& path) {
    outcome_.saved = path.string();
    // What travels is from here on taken from this copy: checkpoint.most_recent_k may remove the
    // checkpoint that the run began from.
    if (run_.model)
      for (std::vector<Travelling>* files : {&run_.model->tokenizer, &run_.model->others})
        for (Travelling& file : *files) file.from = path / file.to;
    say_(fmt::format("saved {}", outcome_.saved));
    tell({.name = "on_checkpoint_save", .path = outcome_.saved});
  }

  /// Whether to stop before the end.
  void decide() {
    const TrainSettings& rules = settings_.train;
    const int signal = interrupted_by();
    if (signal != 0 && rules.exit_signal_handler)
      outcome_.stopped = signal == SIGINT ? "SIGINT" : "SIGTERM";
    else if (signal != 0)
      saver_.finish();
    check_interrupt();  // does nothing while an Uninterrupted lives
    if (hooks_.check) hooks_.check();
    if (rules.exit_duration_in_mins && (now() - began_) / 60 > *rules.exit_duration_in_mins)
      outcome_.stopped = "train.exit_duration_in_mins";
    if (rules.exit_interval && divides(*rules.exit_interval) && run_.counters.step < steps_)
      outcome_.stopped = "train.exit_interval";
  }

  fs::path metrics_path() const {
    if (settings_.logger.metrics_path) return *settings_.logger.metrics_path;
    if (settings_.checkpoint.save) return fs::path(*settings_.checkpoint.save) / "metrics.jsonl";
    return {};
  }

  fs::path profile_folder() const {
    if (settings_.logger.tensorboard_dir) return *settings_.logger.tensorboard_dir;
    return settings_.checkpoint.save.value_or(".");
  }

  TrainOutcome finished() {
    if (run_.skipped > 0)
      reporter_.warn(
          fmt::format("skipped steps, whose gradients were not finite: {}; where that is most of "
                      "them, lower optimizer.lr or look at the data",
                      run_.skipped));
    outcome_.step = run_.counters.step;
    outcome_.consumed_samples = run_.counters.consumed_train_samples;
    return outcome_;
  }

  const Resolved& resolved_;
  const Settings& settings_;
  Reporter& reporter_;
  const std::function<void(const std::string&)>& say_;
  const Hooks& hooks_;
  int64_t steps_;
  std::shared_ptr<Training> held_;
  Training& run_;
  Batches batches_;
  Profile profile_;
  double began_;
  std::vector<std::unique_ptr<MetricsSink>> sinks_;
  std::vector<StepRow> rows_;  // since the last line
  int64_t saved_at_ = -1;
  TrainOutcome outcome_;
  Saver saver_;  // last: it waits for the save that is under way, and tells of it
};

}  // namespace

TrainOutcome train(const Resolved& resolved, Reporter& reporter,
                   const std::function<void(const std::string&)>& say, const Hooks& hooks) {
  require_one_rank();
  count_memory();
  return Loop(resolved, reporter, say, hooks).go();
}

}  // namespace bascule
