// Sliding windows among Megatron's settings. Every provider has its own way.
#include <fmt/format.h>

#include <algorithm>

#include "families/megatron_fields.h"

namespace bascule {
namespace {

constexpr std::string_view kSize = "window_size", kSkip = "window_attn_skip_freq";
constexpr std::string_view kPattern = "interleaved_attn_pattern";
// Gemma 3's published pattern: five layers with a window, one without.
constexpr int64_t kUsualRun = 5;

bool any(const std::vector<bool>& slides) {
  return std::find(slides.begin(), slides.end(), true) != slides.end();
}
bool all(const std::vector<bool>& slides) {
  return std::find(slides.begin(), slides.end(), false) == slides.end();
}

/// The keys before a query's own, or with it, as `count` says.
int64_t counted(int64_t keys, WindowCount count) {
  return count == WindowCount::keys_before ? keys - 1 : keys;
}
int64_t keys(ConfigIo& io, int64_t counted, WindowCount count) {
  const int64_t least = count == WindowCount::keys_before ? 0 : 1;
  constexpr int64_t most = int64_t{1} << 31;
  if (counted < least || counted >= most)
    io.malformed(kSize,
                 fmt::format("is {}, but must be at least {} and below 2^31", counted, least));
  return count == WindowCount::keys_before ? counted + 1 : counted;
}

/// [before, after] of a causal model, or null; -1 before is no limit.
void pair(ConfigIo& io, WindowCount count, std::optional<int64_t>& size) {
  if (!io.reading()) {
    if (!size) return io.put(kSize, Tree());
    return io.put(kSize, Tree::list({counted(*size, count), 0}));
  }
  size.reset();
  const Tree* given = io.asked(kSize);
  if (!given || given->is_null()) return;
  std::vector<int64_t> sides;
  io(kSize, sides);
  if (sides.size() != 2) io.malformed(kSize, "must be two numbers, of keys before and after");
  if (sides[1] > 0) io.unsupported(kSize, *given, "no key after a query can be seen here");
  if (sides[0] != -1) size = keys(io, sides[0], count);
}

/// One layer in so many has no window, or a list of those that have one.
void skipped(ConfigIo& io, Windows& windows) {
  std::vector<bool>& slides = windows.slides;
  if (!io.reading()) {
    if (!windows.size || all(slides)) return io.put(kSkip, Tree());
    return flags(io, kSkip, slides);
  }
  slides.assign(slides.size(), windows.size.has_value());
  const Tree* given = io.asked(kSkip);
  if (!windows.size || !given || given->is_null()) return;
  if (given->is_list()) return flags(io, kSkip, slides);
  int64_t every = 0;
  size(io, kSkip, every);
  for (size_t i = 0; i < slides.size(); ++i) slides[i] = (static_cast<int64_t>(i) + 1) % every != 0;
}

/// The class has the windows of every other layer built in. What it makes of the size is another
/// matter (megatron_gaps.h), so it is left as Bridge writes it.
void alternating(ConfigIo& io, Windows& windows) {
  pair(io, WindowCount::as_bridge_writes, windows.size);
  if (!io.reading()) return;
  for (size_t i = 0; i < windows.slides.size(); ++i) windows.slides[i] = windows.size && i % 2 == 0;
}

/// A size, and how many layers in a row have a window before one that has none.
void interleaved(ConfigIo& io, WindowCount count, Windows& windows) {
  std::optional<int64_t> size;
  if (windows.size) size = counted(*windows.size, count);
  std::vector<int64_t> pattern = {windows_between_full(windows).value_or(kUsualRun), 1};
  io(kSize, size);
  io(kPattern, pattern);
  if (!io.reading()) return;
  if (pattern.size() != 2 || pattern[0] < 0 || pattern[1] < 1 || pattern[0] > 4096 ||
      pattern[1] > 4096)
    io.malformed(kPattern, "must be two numbers of layers, with a window and without");
  const size_t period = static_cast<size_t>(pattern[0] + pattern[1]);
  // The class asks only whether a layer is the last of a period.
  for (size_t i = 0; i < windows.slides.size(); ++i) windows.slides[i] = (i + 1) % period != 0;
  if (size) windows.size = keys(io, *size, count);
  if (!size && any(windows.slides)) io.malformed(kSize, "is missing, but layers have a window");
  if (!any(windows.slides)) windows.size.reset();
}

}  // namespace

std::optional<int64_t> windows_between_full(const Windows& windows) {
  const auto fits = [&](int64_t run) {
    for (size_t i = 0; i < windows.slides.size(); ++i)
      if (windows.slides[i] != ((static_cast<int64_t>(i) + 1) % (run + 1) != 0)) return false;
    return true;
  };
  if (fits(kUsualRun)) return kUsualRun;
  const auto full = std::find(windows.slides.begin(), windows.slides.end(), false);
  const int64_t run = full - windows.slides.begin();
  return fits(run) ? std::optional(run) : std::nullopt;
}

bool windows_on_even(const Windows& windows) {
  for (size_t i = 0; i < windows.slides.size(); ++i)
    if (windows.slides[i] != (i % 2 == 0)) return false;
  return true;
}

void window_fields(ConfigIo& io, const Provider& provider, WindowCount count,
                   MegatronLayers& layers) {
  Windows& windows = layers.windows;
  switch (provider.kind) {
    case Provider::Kind::general:
    case Provider::Kind::gemma:
      pair(io, count, windows.size);
      skipped(io, windows);
      // Context parallelism with windows works only so.
      if (windows.size) io.put("cp_comm_type", "a2a");
      break;
    case Provider::Kind::gemma2:
      alternating(io, windows);
      break;
    case Provider::Kind::gemma3:
      interleaved(io, count, windows);
  }
}

}  // namespace bascule
