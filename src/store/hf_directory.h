// A Hugging Face model directory: its weights as one source of tensors, and what travels along.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/safetensors.h"

namespace bascule {

struct HfFile {
  std::string name;  // relative to the directory, at most one '/'
  int64_t size = 0;
  bool operator==(const HfFile&) const = default;
};

struct HfDirectory {
  std::filesystem::path directory;
  std::unique_ptr<SafetensorsSource> weights;
  std::vector<HfFile> tokenizer_files;  // sorted by name, as are
  std::vector<HfFile> other_files;      // config.json, generation_config.json, *.py, licence, ...
  std::vector<std::string> warnings;    // one sentence each
};

/// Whether this looks like a Hugging Face model directory: it holds config.json or weights in one
/// of Hugging Face's spellings.
bool is_hf_directory(const std::filesystem::path& directory);

/// Opens model.safetensors, or the shards model.safetensors.index.json names, or other
/// *.safetensors. Throws Error{format}, with the remedy, for weights in other formats only, an
/// index that disagrees with the files, names that leave the directory, FIFOs and devices.
HfDirectory open_hf_directory(const std::filesystem::path& directory);

/// Lists what travels along, without opening the weights (which stays null).
HfDirectory list_hf_directory(const std::filesystem::path& directory);

/// Whether a file of this name (without its folder) belongs to the tokenizer.
bool is_tokenizer_file(std::string_view name);

/// Returns an existing path as it is, and a hub id ("org/name") as its snapshot in the local cache.
/// Never uses the network. Throws Error{user} saying what was tried and how to download.
std::filesystem::path resolve_hf(const std::string& path_or_id);

}  // namespace bascule
