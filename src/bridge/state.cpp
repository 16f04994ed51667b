#include "bridge/state.h"

#include <set>

#include "base/check.h"
#include "base/shown.h"
#include "settings/config_io.h"
#include "store/hf_index.h"

namespace bascule {
namespace {

Tree names(const std::vector<std::string>& texts) {
  Tree list = Tree::list();
  for (const std::string& text : texts) list.push_back(Tree(text));
  return list;
}

std::vector<SafetensorsShard> shards_in(const Tree& list, const ConfigIo& io) {
  if (!list.is_list()) io.malformed("shards", "must be a list");
  std::vector<SafetensorsShard> shards;
  std::set<std::string> names;
  for (const Tree& entry : list.list_items()) {
    ConfigIo shard = ConfigIo::reader(entry, io.file());
    SafetensorsShard& added = shards.emplace_back();
    shard("file", added.name);
    shard("tensors", added.tensors);
    if (!is_shard_name(added.name))
      fail(Kind::format, "{}: {} is not the name of a shard", io.file(), shown(added.name));
    require(names.insert(added.name).second, Kind::format, "{}: the shard {} is there twice",
            io.file(), added.name);
  }
  return shards;
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
  const Tree tree = parse_json(json, file, static_cast<size_t>(kStateLimit));
  State state;
  ConfigIo io = ConfigIo::reader(tree, file);
  io.expect("version", {1});
  io("family", state.family);
  io("bascule", state.tool_version);
  io("ignored_keys", state.ignored_keys);
  io("warnings", state.warnings);
  if (const Tree* shards = io.asked("shards")) state.shards = shards_in(*shards, io);
  if (const Tree* metadata = io.asked("metadata")) {
    if (!metadata->is_map()) io.malformed("metadata", "must be a map");
    for (const Tree::Entry& entry : metadata->entries()) {
      if (entry.value.type() != Tree::Type::string)
        io.malformed("metadata", "must map text to text");
      state.metadata[entry.key] = entry.value.string();
    }
  }
  return state;
}

}  // namespace bascule
