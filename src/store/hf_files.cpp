// Which files of a Hugging Face directory travel along, and how: the second half of hf_directory.h.
#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/check.h"
#include "base/filesystem.h"
#include "base/shown.h"
#include "store/hf_directory.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxEntries = 20'000;

constexpr std::array<std::string_view, 22> kTokenizerFiles = {"added_tokens.json",
                                                              "bpe.codes",
                                                              "chat_template.jinja",
                                                              "chat_template.json",
                                                              "dict.txt",
                                                              "merges.txt",
                                                              "normalizer.json",
                                                              "qwen.tiktoken",
                                                              "sentencepiece.bpe.model",
                                                              "source.spm",
                                                              "special_tokens_map.json",
                                                              "spiece.model",
                                                              "target.spm",
                                                              "tekken.json",
                                                              "tiktoken.model",
                                                              "tokenizer.json",
                                                              "tokenizer.model",
                                                              "tokenizer.model.v3",
                                                              "tokenizer_config.json",
                                                              "vocab.bpe",
                                                              "vocab.json",
                                                              "vocab.txt"};

// Weights, and the indices of weights.
constexpr std::array<std::string_view, 20> kWeightEndings = {".safetensors",
                                                             ".safetensors.index.json",
                                                             ".bin",
                                                             ".bin.index.json",
                                                             ".pth",
                                                             ".pt",
                                                             ".gguf",
                                                             ".ggml",
                                                             ".h5",
                                                             ".msgpack",
                                                             ".msgpack.index.json",
                                                             ".h5.index.json",
                                                             ".ot",
                                                             ".onnx",
                                                             ".onnx_data",
                                                             ".tflite",
                                                             ".mlmodel",
                                                             ".npz",
                                                             ".ckpt",
                                                             ".nemo"};

// Where an export keeps its manifest.
constexpr std::string_view kOurs = "bascule";

// The model again in other formats, what a trainer left, and our own manifest.
constexpr std::array<std::string_view, 14> kFolders = {
    kOurs,  "coreml",   "flax",     "gguf", "global_step", "logs",  "metal",
    "onnx", "openvino", "original", "runs", "tensorboard", "wandb", "__pycache__"};

bool ends_in_any(std::string_view name, const auto& endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

bool travels(std::string_view name) {
  return !name.starts_with('.') && !ends_in_any(name, kWeightEndings);
}

bool folder_travels(std::string_view name) {
  return !name.starts_with('.') && !name.starts_with("checkpoint-") &&
         std::none_of(kFolders.begin(), kFolders.end(), [&](std::string_view folder) {
           return name == folder || (folder == "global_step" && name.starts_with(folder));
         });
}

class Listing {
 public:
  explicit Listing(HfDirectory& out) : out_(out) {}

  void list(const std::string& prefix) {
    for (const fs::directory_entry& entry : fs::directory_iterator(out_.directory / prefix)) {
      require(++entries_ <= kMaxEntries, Kind::format, "{} holds more than {} files",
              out_.directory.string(), kMaxEntries);
      add(entry, prefix);
    }
  }

 private:
  void add(const fs::directory_entry& entry, const std::string& prefix) {
    const std::string name = entry.path().filename().string();
    if (!travels(name)) return;
    require_text_name(entry.path());
    const fs::file_status status = entry.status();  // of what a symlink names
    if (fs::is_directory(status)) return add_folder(entry, name, prefix);
    require(fs::exists(status), Kind::format,
            "{} is a symlink to nothing; the download may be incomplete", entry.path().string());
    require(fs::is_regular_file(status), Kind::format, "{} is not a regular file; remove it",
            entry.path().string());
    if (prefix.empty() && name == kOurs) {
      out_.warnings.push_back(fmt::format(
          "{} does not travel along: an export has a folder of this name", entry.path().string()));
      return;
    }
    const bool tokenizer =
        prefix.empty() ? is_tokenizer_file(name) : prefix == "additional_chat_templates/";
    (tokenizer ? out_.tokenizer_files : out_.other_files)
        .push_back({prefix + name, static_cast<int64_t>(entry.file_size())});
  }

  void add_folder(const fs::directory_entry& entry, const std::string& name,
                  const std::string& prefix) {
    if (!folder_travels(name)) return;
    if (!prefix.empty() || entry.is_symlink()) {
      out_.warnings.push_back(fmt::format(
          "{} does not travel along: {}", entry.path().string(),
          entry.is_symlink() ? "it is a symlink to a folder" : "it is nested too deep"));
      return;
    }
    list(name + "/");
  }

  HfDirectory& out_;
  size_t entries_ = 0;
};

}  // namespace

bool is_tokenizer_file(std::string_view name) {
  return std::find(kTokenizerFiles.begin(), kTokenizerFiles.end(), name) != kTokenizerFiles.end() ||
         name.ends_with(".tiktoken");
}

HfDirectory list_hf_directory(const fs::path& directory) {
  HfDirectory out;
  out.directory = directory;
  filesystem_work([&] {
    require(fs::is_directory(directory), Kind::user, "{} is not a directory", directory.string());
    Listing(out).list("");
  });
  const auto by_name = [](const HfFile& a, const HfFile& b) { return a.name < b.name; };
  std::sort(out.tokenizer_files.begin(), out.tokenizer_files.end(), by_name);
  std::sort(out.other_files.begin(), out.other_files.end(), by_name);
  std::sort(out.warnings.begin(), out.warnings.end());
  return out;
}

}  // namespace bascule
