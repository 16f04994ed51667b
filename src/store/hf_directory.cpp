#include "store/hf_directory.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "base/check.h"
#include "base/filesystem.h"
#include "base/shown.h"
#include "store/hf_index.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr int64_t kMaxIndexBytes = 64'000'000;

std::vector<std::string> safetensors_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(".safetensors") && !name.starts_with('.')) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct Foreign {
  std::string_view begins, ends, remedy;
};

// What is there instead of safetensors, most telling first.
constexpr std::array kForeign = {
    Foreign{"pytorch_model", ".bin",
            "holds its weights as pytorch_model.bin, a pickle; convert it with transformers: "
            "AutoModelForCausalLM.from_pretrained(DIR, dtype=\"auto\").save_pretrained(NEW_DIR), "
            "and AutoTokenizer likewise"},
    Foreign{"", ".gguf",
            "holds its weights as GGUF, most often quantized; get the original safetensors, or "
            "convert with transformers: AutoModelForCausalLM.from_pretrained(DIR, "
            "gguf_file=NAME).save_pretrained(NEW_DIR)"},
    Foreign{"consolidated.", ".pth",
            "holds its weights as consolidated.*.pth, the publisher's own format; get the Hugging "
            "Face edition of the model, which has *.safetensors"},
    Foreign{"", ".pth", "holds PyTorch pickles only (*.pth); save it as safetensors first"},
    Foreign{"", ".pt", "holds PyTorch pickles only (*.pt); save it as safetensors first"},
    Foreign{"", ".bin", "holds PyTorch pickles only (*.bin); save it as safetensors first"},
    Foreign{"", ".h5", "holds TensorFlow weights only (*.h5); save it as safetensors first"},
    Foreign{"", ".msgpack", "holds Flax weights only (*.msgpack); save it as safetensors first"},
};

const Foreign* foreign_weights(const fs::path& directory) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  for (const Foreign& foreign : kForeign)
    for (const std::string& name : names)
      if (name.starts_with(foreign.begins) && name.ends_with(foreign.ends)) return &foreign;
  return nullptr;
}

bool consume_number(std::string_view& text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

// "model-00002-of-00007.safetensors" -> {"model", 2, 7}
struct Numbered {
  std::string stem;
  int number = 0, count = 0;
};

std::optional<Numbered> numbered(std::string_view name) {
  const size_t of = name.rfind("-of-");
  if (of == std::string_view::npos) return {};
  const size_t dash = name.rfind('-', of - 1);
  if (of == 0 || dash == std::string_view::npos) return {};
  std::string_view first = name.substr(dash + 1, of - dash - 1), second = name.substr(of + 4);
  Numbered result{std::string(name.substr(0, dash)), 0, 0};
  if (!consume_number(first, result.number) || !first.empty()) return {};
  if (!consume_number(second, result.count) || second != ".safetensors") return {};
  return result;
}

// Without an index, numbered names are all that tells whether shards are missing.
void require_complete(const std::vector<std::string>& names, const fs::path& directory) {
  std::map<std::pair<std::string, int>, std::set<int>> groups;
  for (const std::string& name : names)
    if (const auto part = numbered(name)) groups[{part->stem, part->count}].insert(part->number);
  for (const auto& [group, numbers] : groups) {
    const auto& [stem, count] = group;
    for (const int number : numbers)
      require(number >= 1 && number <= count, Kind::format,
              "{} holds shard {} of {} of {}, which there cannot be; take all from one model",
              directory.string(), number, count, shown(stem));
    require(static_cast<int>(numbers.size()) == count, Kind::format,
            "{} holds {} of {} shards of {} and no {}; the download may be incomplete",
            directory.string(), numbers.size(), count, shown(stem), kIndex);
  }
}

void warn_of_unread(HfDirectory& out, const std::vector<std::string>& present,
                    const std::vector<std::string>& read) {
  for (const std::string& name : present)
    if (std::find(read.begin(), read.end(), name) == read.end())
      out.warnings.push_back(fmt::format("{} is not part of the model and is not read",
                                         (out.directory / name).string()));
}

void open_files(HfDirectory& out, const std::vector<std::string>& names) {
  std::vector<fs::path> paths;
  for (const std::string& name : names) {
    paths.push_back(out.directory / name);
    require(fs::exists(paths.back()), Kind::format,
            "{} is a symlink to nothing; the download may be incomplete", paths.back().string());
  }
  out.weights = std::make_unique<SafetensorsSource>(paths);
}

void open_indexed(HfDirectory& out, const std::vector<std::string>& present) {
  const std::string where = (out.directory / kIndex).string();
  const HfIndex index = parse_hf_index(read_small_file(where, kMaxIndexBytes), where);
  for (const std::string& file : index.files)
    require(std::binary_search(present.begin(), present.end(), file), Kind::format,
            "{} names {}, which is not there; the download may be incomplete", where, file);
  require(!std::binary_search(present.begin(), present.end(), kSingle) ||
              std::binary_search(index.files.begin(), index.files.end(), kSingle),
          Kind::format, "{} holds both {} and an index of other files; remove the stale one",
          out.directory.string(), kSingle);
  open_files(out, index.files);
  for (std::string& warning : check_hf_index(index, *out.weights, where))
    out.warnings.push_back(std::move(warning));
  warn_of_unread(out, present, index.files);
}

void open_unindexed(HfDirectory& out, const std::vector<std::string>& present) {
  std::vector<std::string> models;
  for (const std::string& name : present)
    if (!name.starts_with("adapter_model")) models.push_back(name);
  require(!models.empty(), Kind::format,
          "{} holds an adapter and no model; name the base model's directory",
          out.directory.string());
  require_complete(models, out.directory);
  open_files(out, models);
  warn_of_unread(out, present, models);
}

void open_weights(HfDirectory& out) {
  const std::vector<std::string> present = safetensors_in(out.directory);
  if (fs::exists(fs::symlink_status(out.directory / kIndex))) return open_indexed(out, present);
  if (std::binary_search(present.begin(), present.end(), kSingle)) {
    open_files(out, {kSingle});
    return warn_of_unread(out, present, {kSingle});
  }
  if (!present.empty()) return open_unindexed(out, present);
  const Foreign* foreign = foreign_weights(out.directory);
  if (foreign != nullptr) fail(Kind::format, "{} {}", out.directory.string(), foreign->remedy);
  fail(Kind::format, "{} holds no weights: neither {} nor {} nor any other *.safetensors",
       out.directory.string(), kSingle, kIndex);
}

}  // namespace

bool is_hf_directory(const fs::path& directory) {
  return filesystem_work([&] {
    return fs::is_directory(directory) &&
           (fs::exists(directory / "config.json") || fs::exists(directory / kIndex) ||
            !safetensors_in(directory).empty() || foreign_weights(directory) != nullptr);
  });
}

HfDirectory open_hf_directory(const fs::path& directory) {
  HfDirectory out = list_hf_directory(directory);
  filesystem_work([&] { open_weights(out); });
  return out;
}

}  // namespace bascule
