#include "convert/executor.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include "base/check.h"
#include "base/crc.h"
#include "base/interrupt.h"
#include "base/workers.h"
#include "convert/journal.h"

namespace bascule {
namespace {

constexpr int64_t kMarkEvery = int64_t{32} << 20;  // bytes of a file between two marks

/// One piece of work: a window of a unit's data, with the unit's fixed bytes at its ends.
struct Task {
  const Unit* unit;
  Box window;
  int64_t data_at;  // of the window in the unit's data
  int64_t data_bytes;
  bool first, last;

  int64_t begin() const { return first ? unit->offset : unit->data_offset() + data_at; }
};

/// The windows of all units in order, each unit's made when its turn comes. Several threads may
/// ask.
class Tasks {
 public:
  /// Leaves out what lies before `done` in each file.
  Tasks(const Output& output, int64_t limit, std::vector<int64_t> done)
      : output_(output), limit_(limit), done_(std::move(done)) {}

  std::optional<Task> next() {
    const std::lock_guard lock(mutex_);
    while (at_ == open_.size()) {
      if (unit_ == output_.units.size()) return {};
      open(output_.units[unit_++]);
    }
    return std::move(open_[at_++]);
  }

 private:
  void open(const Unit& unit) {
    open_.clear();
    at_ = 0;
    if (unit.offset < done_[unit.file]) return;
    if (unit.data_bytes == 0) {
      open_.push_back({&unit, {}, 0, 0, true, true});
      return;
    }
    const DType dtype = output_.tensors[unit.tensor].dtype;
    int64_t at = 0;
    for (Box& window : windows(unit.box, dtype, limit_)) {
      const int64_t size = bytes(dtype, elements(window.extent));
      open_.push_back({&unit, std::move(window), at, size, at == 0, at + size == unit.data_bytes});
      at += size;
    }
  }

  const Output& output_;
  const int64_t limit_;
  const std::vector<int64_t> done_;
  size_t unit_ = 0;  // the next one to open
  std::vector<Task> open_;
  size_t at_ = 0;
  std::mutex mutex_;
};

/// A file being written. Windows are hashed in order, under the file's lock; they may reach the
/// file in any order, and a mark is journalled when all before it have.
class Target {
 public:
  Target(const std::filesystem::path& path, const OutputFile& described,
         const std::vector<Mark>& marks)
      : file_(File::modify(path)), size_(described.size) {
    done_ = resume_point(file_, marks, hasher_);
    hashed_ = last_mark_ = done_;
    file_.reserve(size_);
  }

  int64_t done() const { return done_; }
  const File& file() const { return file_; }

  /// Waits until everything before `begin` has been hashed. False when another thread failed.
  bool wait_turn(int64_t begin, std::unique_lock<std::mutex>& lock) {
    turn_.wait(lock, [&] { return hashed_ == begin || failed_; });
    return !failed_;
  }
  std::mutex& mutex() { return mutex_; }
  uint32_t& crc() { return crc_; }

  void hashed(std::span<const std::byte> data, bool unit_ends) {
    hasher_.update(data);
    hashed_ += static_cast<int64_t>(data.size());
    if (unit_ends && hashed_ - last_mark_ >= kMarkEvery) {
      waiting_.push_back({hashed_, hasher_.hash()});
      last_mark_ = hashed_;
    }
    turn_.notify_all();
  }
  void fail() {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    turn_.notify_all();
  }
  /// Notes that [begin, end) is in the file; returns the marks that this completes.
  std::vector<Mark> written(int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex_);
    islands_[begin] = end;
    for (auto next = islands_.find(done_); next != islands_.end(); next = islands_.find(done_)) {
      done_ = next->second;
      islands_.erase(next);
    }
    std::vector<Mark> complete;
    while (!waiting_.empty() && waiting_.front().bytes <= done_) {
      complete.push_back(waiting_.front());
      waiting_.erase(waiting_.begin());
    }
    return complete;
  }
  Manifest::Entry finish() {
    require(hashed_ == size_ && done_ == size_, Kind::internal,
            "{}: {} bytes written instead of {}", file_.path().string(), done_, size_);
    file_.resize(size_);
    return {size_, hasher_.hash()};
  }

 private:
  File file_;
  int64_t size_, done_ = 0, hashed_ = 0, last_mark_ = 0;
  uint32_t crc_ = 0;  // of the current unit's data
  bool failed_ = false;
  Hasher hasher_;
  std::vector<Mark> waiting_;
  std::map<int64_t, int64_t> islands_;
  std::mutex mutex_;
  std::condition_variable turn_;
};

std::string with_crc(const Unit& unit, uint32_t crc) {
  std::string after(unit.after());
  for (const uint32_t at : unit.crc_at())
    for (uint32_t i = 0; i < 4; ++i) after[at + i] = static_cast<char>(crc >> (8 * i) & 0xFF);
  return after;
}

struct Buffers {
  std::vector<std::byte> bytes;
  Scratch scratch;
};

/// The most bytes that a window takes with the fixed bytes at its ends. A buffer that grew to them,
/// a file's header before a window, would leave its old memory behind.
size_t most_bytes(const Output& output, int64_t limit) {
  size_t most = 0;
  for (const Unit& unit : output.units)
    most = std::max(most, unit.before().size() + unit.after().size() +
                              as_index(std::min(unit.data_bytes, limit)));
  return most;
}

/// Gathers one window, takes its turn to hash it, and writes it.
void run(const Task& task, const Output& output, const Gather& gather, Target& target,
         Buffers& buffers) {
  const Unit& unit = *task.unit;
  const size_t before = task.first ? unit.before().size() : 0;
  const size_t data = static_cast<size_t>(task.data_bytes);
  const size_t after = task.last ? unit.after().size() : 0;
  buffers.bytes.resize(std::max(buffers.bytes.size(), before + data + after));
  const std::span<std::byte> all(buffers.bytes.data(), before + data + after);
  if (before) std::memcpy(all.data(), unit.before().data(), before);
  if (data)
    gather.fill(unit.tensor, task.window, output.tensors[unit.tensor].dtype,
                all.subspan(before, data), buffers.scratch);
  {
    std::unique_lock lock(target.mutex());
    if (!target.wait_turn(task.begin(), lock)) return;
    if (!unit.crc_at().empty()) {
      if (task.first) target.crc() = 0;
      target.crc() = crc32(target.crc(), all.subspan(before, data));
    }
    if (after) {
      const std::string text = with_crc(unit, target.crc());
      std::memcpy(all.data() + before + data, text.data(), after);
    }
    target.hashed(all, task.last);
  }
  target.file().pwrite_all(task.begin(), all);
}

}  // namespace

std::vector<Manifest::Entry> execute(const Output& output, const Gather& gather,
                                     Workspace& workspace, Reporter& reporter,
                                     const ExecuteOptions& options) {
  int64_t total = 0;
  for (const OutputFile& file : output.files) total += file.size;
  reporter.phase("writing", total);

  Journal journal(workspace.journal(), output.files.size());
  std::mutex journal_mutex;
  std::vector<std::unique_ptr<Target>> targets;
  for (size_t i = 0; i < output.files.size(); ++i) {
    check_interrupt();
    targets.push_back(std::make_unique<Target>(workspace.path_of(output.files[i].name),
                                               output.files[i], journal.marks(i)));
    if (targets.back()->done()) {
      reporter.advance(targets.back()->done());
      reporter.note(
          fmt::format("resuming {} after {} bytes", output.files[i].name, targets.back()->done()));
    }
  }
  std::vector<int64_t> done;
  done.reserve(targets.size());
  for (const auto& target : targets) done.push_back(target->done());
  const int64_t limit = window_bytes(options.memory, options.threads);
  Tasks tasks(output, limit, std::move(done));
  std::vector<Buffers> buffers(static_cast<size_t>(std::max(1, options.threads)));
  const size_t most = most_bytes(output, limit);
  for (Buffers& each : buffers) each.bytes.reserve(most);
  parallel_until_done(options.threads, [&](int worker) {
    const std::optional<Task> taken = tasks.next();
    if (!taken) return false;
    const Task& task = *taken;
    Target& target = *targets[task.unit->file];
    try {
      run(task, output, gather, target, buffers[static_cast<size_t>(worker)]);
    } catch (...) {
      for (auto& each : targets) each->fail();
      throw;
    }
    const int64_t end =
        task.last ? task.unit->end() : task.unit->data_offset() + task.data_at + task.data_bytes;
    for (const Mark& mark : target.written(task.begin(), end)) {
      target.file().start_writeback(mark.bytes - kMarkEvery, kMarkEvery);
      const std::lock_guard lock(journal_mutex);
      journal.add(task.unit->file, mark);
    }
    reporter.advance(end - task.begin());
    return true;
  });
  std::vector<Manifest::Entry> entries;
  entries.reserve(targets.size());
  for (auto& target : targets) entries.push_back(target->finish());
  return entries;
}

std::vector<std::byte> gathered(const Gather& gather, size_t target, const Shape& shape,
                                DType dtype) {
  std::vector<std::byte> out(static_cast<size_t>(bytes(dtype, elements(shape))));
  Scratch scratch;
  gather.fill(target, whole(shape), dtype, out, scratch);
  return out;
}

}  // namespace bascule
