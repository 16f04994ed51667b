#include "bridge/pickled_settings.h"

#include <unordered_set>

#include "base/check.h"
#include "base/shown.h"
#include "store/torch_dist/pickle.h"

namespace bascule {
namespace {

using pickle::Type;
using pickle::Value;

// Megatron-LM has about 900 arguments, the longest of them lists of data files.
constexpr size_t kMostValues = 1 << 20;
constexpr int kMostLevels = 8;

class Settings {
 public:
  Tree attributes(const Value& state) {
    Tree tree = Tree::map();
    std::unordered_set<std::string> seen;
    for (size_t i = 0; i < state.size(); ++i) {
      const std::string name(
          in_context("an attribute of args", [&] { return state.key(i).string(); }));
      require(seen.insert(name).second, Kind::format, "args has {} twice", shown(name));
      tree.append(name,
                  in_context("args." + shown(name), [&] { return tree_of(state.value(i), 0); }));
    }
    return tree;
  }

 private:
  Tree tree_of(const Value& value, int level) {
    require(++values_ <= kMostValues, Kind::format, "more than {} values are no settings",
            kMostValues);
    switch (value.type()) {
      case Type::none:
        return {};
      case Type::boolean:
        return value.boolean();
      case Type::integer:
        return value.integer();
      case Type::number:
        return value.number();
      case Type::string:
        return std::string(value.string());
      case Type::tuple:
      case Type::list:
        return list(value, level + 1);
      case Type::global:
        return named(fmt::format("{}.{}", value.module(), value.name()));
      case Type::object:
        return named(pickle::to_string(value.callable()));
      default:
        return named(std::string(pickle::name(value.type())));
    }
  }

  Tree list(const Value& members, int level) {
    require(level <= kMostLevels, Kind::format, "lists in more than {} levels are no setting",
            kMostLevels);
    Tree tree = Tree::list();
    for (size_t i = 0; i < members.size(); ++i) tree.push_back(tree_of(members.at(i), level));
    return tree;
  }

  static Tree named(std::string name) {
    return Tree::map({{"_call_", false}, {"_target_", std::move(name)}});
  }

  size_t values_ = 0;
};

}  // namespace

Tree pickled_settings(const Value& name_space) {
  const bool known = name_space.type() == Type::object && name_space.is("argparse", "Namespace") &&
                     name_space.state().type() == Type::dict;
  require(known, Kind::format, "args is {}, not an argparse.Namespace with attributes",
          pickle::to_string(name_space).substr(0, 80));
  return Settings().attributes(name_space.state());
}

}  // namespace bascule
