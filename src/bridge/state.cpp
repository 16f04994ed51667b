#include "bridge/state.h"

#include "base/check.h"
#include "settings/config_io.h"

namespace bascule {
namespace {

Tree names(const std::vector<std::string>& texts) {
  Tree list = Tree::list();
  for (const std::string& text : texts) list.push_back(Tree(text));
  return list;
}

}  // namespace

std::string to_json(const State& state) {
  Tree tree =
      Tree::map({{"version", 1}, {"family", state.family}, {"bascule", state.tool_version}});
  Tree shards = Tree::list();
  for (const SafetensorsShard& shard : state.shards)
    shards.push_back(Tree::map({{"file", shard.name}, {"tensors", names(shard.tensors)}}));
  tree.set("shards", std::move(shards));
  Tree metadata = Tree::map();
  for (const auto& [key, value] : state.metadata) metadata.set(key, Tree(value));
  tree.set("metadata", std::move(metadata));
  tree.set("ignored_keys", names(state.ignored_keys));
  tree.set("warnings", names(state.warnings));
  return to_json(tree);
}

State parse_state(std::string_view json, const std::string& file) {
  const Tree tree = parse_json(json, file);
  State state;
  ConfigIo io = ConfigIo::reader(tree, file);
  io.expect("version", {1});
  io("family", state.family);
  io("bascule", state.tool_version);
  io("ignored_keys", state.ignored_keys);
  io("warnings", state.warnings);
  if (const Tree* shards = io.asked("shards"); shards && shards->is_list())
    for (const Tree& entry : shards->list_items()) {
      ConfigIo shard = ConfigIo::reader(entry, file);
      SafetensorsShard& added = state.shards.emplace_back();
      shard("file", added.name);
      shard("tensors", added.tensors);
      require(added.name.find('/') == std::string::npos && added.name.ends_with(".safetensors"),
              Kind::format, "{}: \"{}\" is not the name of a shard", file, added.name);
    }
  if (const Tree* metadata = io.asked("metadata"); metadata && metadata->is_map())
    for (const Tree::Entry& entry : metadata->entries())
      state.metadata[entry.key] = entry.value.string();
  return state;
}

}  // namespace bascule
