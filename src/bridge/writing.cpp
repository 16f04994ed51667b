#include "bridge/writing.h"

#include <malloc.h>

#include <chrono>

#include "base/check.h"
#include "convert/cast.h"
#include "convert/verifier.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// What was written, opened again. That its parts do not fit each other is no fault of the user's.
Opened reopened(const std::function<Opened()>& open, Workspace& workspace) {
  try {
    return open();
  } catch (const Error& error) {
    if (error.kind() == Kind::environment || error.kind() == Kind::interrupted) throw;
    workspace.discard();
    fail(Kind::mismatch,
         "verification failed, nothing was kept: what was written cannot be opened ({}); this is a "
         "defect, please report it",
         error.what());
  }
}

}  // namespace

void Stopwatch::begin(std::string name, int64_t bytes) {
  end();
  steps_.push_back({std::move(name), bytes, 0});
  started_ = now();
  running_ = true;
}

void Stopwatch::end() {
  if (running_) steps_.back().seconds = now() - started_;
  running_ = false;
}

std::vector<DType> target_dtypes(const Plan& plan, const Gather& gather, const Options& options) {
  std::vector<DType> dtypes;
  std::optional<DType> asked;
  if (!options.dtype.empty()) {
    try {
      asked = dtype_from_torch(options.dtype);
    } catch (const Error&) {
      fail(Kind::user, "unknown dtype {}; use bfloat16, float16 or float32", options.dtype);
    }
  }
  for (size_t i = 0; i < plan.to.size(); ++i) {
    if (!asked) {
      dtypes.push_back(gather.source_dtype(i));
      continue;
    }
    const DType wanted = plan.to[i].fp32 ? DType::f32 : *asked;
    for (const Copy& copy : plan.into(i)) {
      const DType stored = gather.dtype_of(copy);
      if (!can_cast(stored, wanted))
        fail(Kind::unsupported, "{}{} is stored as {}, not as {}", gather.where(copy),
             plan.from[copy.from].name, torch_name(stored), torch_name(wanted));
    }
    dtypes.push_back(wanted);
  }
  return dtypes;
}

std::string identity(const fs::path& directory) {
  std::string facts = fs::absolute(directory).lexically_normal().string();
  for (const std::string& name : files_below(directory)) {
    std::error_code ignored;
    const fs::path file = directory / name;
    facts += fmt::format("\n{} {} {}", name, fs::file_size(file, ignored),
                         fs::last_write_time(file, ignored).time_since_epoch().count());
  }
  return facts;
}

std::string plan_hash(const std::string& identity, const Output& output, const Options& options) {
  Hasher hasher;
  const auto add = [&](std::string_view text) {
    hasher.update(as_bytes(text));
    hasher.update(as_bytes(std::string_view("\0", 1)));
  };
  add(version());
  add(identity);
  for (const OutputFile& file : output.files) add(fmt::format("{} {}", file.name, file.size));
  for (const SmallFile& file : output.small_files) add(file.bytes);
  add(options.dtype);
  return hasher.hex().substr(0, 16);
}

void fill(Workspace& workspace, const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    if (error.kind() == Kind::unsupported || !workspace.resumable())
      workspace.discard();  // the same command would fail again, or begin again
    if (error.kind() != Kind::interrupted || !workspace.resumable()) throw;
    fail(Kind::interrupted, "{}; what is done is kept in {}: the same command resumes it",
         error.what(), workspace.directory().parent_path().string());
  } catch (...) {  // a reporter's
    if (!workspace.resumable()) workspace.discard();
    throw;
  }
}

Manifest write_small_files(Output& output, Workspace& workspace) {
  Manifest manifest;
  for (const SmallFile& file : output.small_files)
    write_file(file.name, file.bytes, workspace, manifest);
  output.small_files = {};
  return manifest;
}

void write_data(const Output& output, const Gather& gather, Workspace& workspace,
                Reporter& reporter, const Options& options, Manifest& manifest) {
  const auto entries = execute(output, gather, workspace, reporter,
                               {.threads = options.threads, .memory = options.memory});
  for (size_t i = 0; i < entries.size(); ++i) manifest.files[output.files[i].name] = entries[i];
}

Report prove(const std::function<Spelled()>& source, const std::function<Opened()>& open,
             Workspace& workspace, Reporter& reporter, const Options& options) {
  ::malloc_trim(0);  // what planning and writing had is not to count beside what the proof needs
  const Opened written = reopened(open, workspace);
  ::malloc_trim(0);  // and what opening had
  Report report = verify(source(), spelled(written), reporter,
                         {.threads = options.threads,
                          .memory = options.memory,
                          .convert_first = !options.dtype.empty(),
                          .brief = true,
                          .zero_padding = true});
  if (report.equal()) return report;
  for (const TensorReport& row : report.tensors)
    if (row.verdict != TensorReport::Verdict::equal) {
      workspace.discard();
      fail(Kind::mismatch,
           "verification failed, nothing was kept: {}; if the disk and memory are sound this is a "
           "defect, please report it",
           sentence(row));
    }
  return report;
}

void require_equal_aliases(const Opened& opened) {
  for (const TensorReport& row : check_aliases(opened.source(), opened.dialect))
    fail(Kind::mismatch, "{}: {}; the configuration says that both are one", opened.path.string(),
         sentence(row));
}

}  // namespace bascule
