// Sliding windows, as transformers counts them: the keys that a query sees, itself included.
#include <fmt/format.h>

#include <algorithm>

#include "families/text_config.h"

namespace bascule {
namespace {

constexpr std::string_view kSliding = "sliding_attention", kFull = "full_attention";

int64_t layer_count(const Windows& windows) { return static_cast<int64_t>(windows.slides.size()); }

}  // namespace

Windows windows_of(const Arch& arch) {
  Windows windows;
  for (const Layer& layer : arch.layers) {
    const Gqa* gqa = std::get_if<Gqa>(&layer.mixer);
    windows.slides.push_back(gqa && gqa->window);
    if (windows.slides.back() && !windows.size) windows.size = gqa->window;
  }
  return windows;
}

void sliding_window(ConfigIo& io, Windows& windows, std::optional<int64_t> fallback) {
  io("sliding_window", windows.size, fallback);
  if (io.reading() && windows.size && (*windows.size < 1 || *windows.size >= kSizeLimit))
    io.malformed("sliding_window", fmt::format("is {}, but must be at least 1 and below 2^31, or "
                                               "null for none",
                                               *windows.size));
}

void layer_types(ConfigIo& io, Windows& windows, const std::function<bool(int64_t)>& usually) {
  constexpr std::string_view key = "layer_types";
  std::vector<std::string> types;
  for (const bool slides : windows.slides) types.emplace_back(slides ? kSliding : kFull);
  const Tree* given = io.asked(key);
  if (!io.reading() || (given && !given->is_null())) {
    io(key, types);
    if (types.size() != windows.slides.size())
      io.malformed(key, "has " + std::to_string(types.size()) + " entries for " +
                            std::to_string(windows.slides.size()) + " layers");
    for (size_t i = 0; i < types.size(); ++i) {
      if (types[i] != kSliding && types[i] != kFull)
        io.unsupported(key, Tree(types[i]),
                       "only full_attention and sliding_attention are supported");
      windows.slides[i] = types[i] == kSliding;
    }
  } else {
    for (int64_t i = 0; i < layer_count(windows); ++i)
      windows.slides[static_cast<size_t>(i)] = usually(i);
  }
  const bool any =
      std::find(windows.slides.begin(), windows.slides.end(), true) != windows.slides.end();
  if (any && !windows.size)
    io.unsupported(key, Tree(std::string(kSliding)), "no sliding_window says how long it is");
}

void qwen_windows(ConfigIo& io, Windows& windows) {
  const auto first = std::find(windows.slides.begin(), windows.slides.end(), true);
  bool used = first != windows.slides.end();
  int64_t full_layers = first - windows.slides.begin();
  io("use_sliding_window", used, false);
  sliding_window(io, windows, 4096);
  io("max_window_layers", full_layers, 28);
  if (!used) windows.size.reset();
  layer_types(io, windows, [&](int64_t i) { return windows.size && i >= full_layers; });
}

}  // namespace bascule
