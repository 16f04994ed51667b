// bascule/state.json of an iteration: what an import must remember so that an export can return it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "store/safetensors_output.h"

namespace bascule {

inline constexpr const char* kStateName = "bascule/state.json";
inline constexpr const char* kTravelFolder =
    "bascule/hf/";  // files that are neither tensors nor tokenizer
inline constexpr const char* kConfigFile = "bascule/hf/config.json";  // of kTravelFolder
inline constexpr const char* kTokenizerFolder = "tokenizer/";

/// Bytes that the file may have: names of half a million tensors.
inline constexpr int64_t kStateLimit = int64_t{32} << 20;

struct State {
  std::string family;
  std::string tool_version;
  std::vector<SafetensorsShard> shards;         // the source's files, tensors in data order
  std::map<std::string, std::string> metadata;  // of the source's safetensors headers
  std::vector<std::string> ignored_keys;        // of config.json
  std::vector<std::string> warnings;            // where Megatron computes another model
  bool operator==(const State&) const = default;
};

std::string to_json(const State& state);

/// Throws Error{format}, naming `file`, on anything that to_json() would not write.
State parse_state(std::string_view json, const std::string& file);

}  // namespace bascule
