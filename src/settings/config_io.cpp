#include "settings/config_io.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/check.h"
#include "settings/nearest.h"

namespace bascule {

struct ConfigIo::Marks {
  std::unordered_set<std::string> read, opened;  // places
  Names names = {};
};

ConfigIo::ConfigIo(const Tree* in, Tree* out, std::string file, std::string at,
                   std::shared_ptr<Marks> marks)
    : in_(in), out_(out), file_(std::move(file)), at_(std::move(at)), marks_(std::move(marks)) {}

ConfigIo ConfigIo::reader(const Tree& map, std::string file, Names names) {
  require(map.is_map(), Kind::format, "{}: {} where a map of keys is needed: {}", file,
          describe(map.type()), brief(map));
  return {&map, nullptr, std::move(file), "",
          std::make_shared<Marks>(Marks{.read = {}, .opened = {}, .names = std::move(names)})};
}

ConfigIo ConfigIo::writer(Tree& map, std::string file) {
  if (map.is_null()) map = Tree::map();
  require(map.is_map(), Kind::internal, "{}: keys cannot be added to {}", file,
          describe(map.type()));
  return {nullptr, &map, std::move(file), "", std::make_shared<Marks>()};
}

std::string ConfigIo::path(std::string_view key) const { return place(called(key)); }

std::string_view ConfigIo::called(std::string_view key) const {
  const auto other = marks_->names.find(key);
  return other == marks_->names.end() ? key : other->second;
}

void ConfigIo::constant(std::string_view key, const Tree& value) { expect(key, {value}); }

void ConfigIo::expect(std::string_view key, std::initializer_list<Tree> values) {
  if (!reading()) return put(key, *values.begin());
  neutral(key, values);
}

void ConfigIo::neutral(std::string_view key, std::initializer_list<Tree> values) {
  const Tree* found = asked(key);
  if (!found || found->is_null()) return;
  for (const Tree& value : values) {
    if (*found == value) return;
    // 0 and 0.0 are the same setting.
    const bool numbers = value.type() == Tree::Type::real && found->type() == Tree::Type::integer;
    if (numbers && found->real() == value.real()) return;
  }
  std::vector<std::string> texts;
  for (const Tree& value : values) texts.push_back(brief(value));
  unsupported(key, *found, fmt::format("only {} is supported", fmt::join(texts, " or ")));
}

void ConfigIo::known(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) asked(key);
}

void ConfigIo::known(std::span<const std::string> keys) {
  for (const std::string& key : keys) asked(key);
}

const Tree* ConfigIo::asked(std::string_view key) {
  if (!reading()) return nullptr;
  const Tree* found = in_->find(key);
  if (found) marks_->read.insert(place(key));
  return found;
}

bool ConfigIo::has(std::string_view key) const { return (reading() ? in_ : out_)->find(key); }

void ConfigIo::put(std::string_view key, Tree value) {
  if (!reading()) out_->set(key, std::move(value));
}

std::optional<ConfigIo> ConfigIo::open(std::string_view key) {
  if (!reading()) {
    Tree* map = out_->find(key);
    if (!map || !map->is_map()) map = &out_->set(key, Tree::map());
    return ConfigIo{nullptr, map, file_, place(key) + ".", marks_};
  }
  const Tree* found = in_->find(key);
  if (!found || found->is_null()) {
    marks_->read.insert(place(key));
    return std::nullopt;
  }
  if (!found->is_map()) wrong_type(key, *found, Tree::Type::map);
  marks_->opened.insert(place(key));
  return ConfigIo{found, nullptr, file_, place(key) + ".", marks_};
}

void ConfigIo::malformed(std::string_view key, std::string_view why) const {
  fail(Kind::format, "{}: key {} {}", file_, path(key), why);
}

void ConfigIo::unsupported(std::string_view key, const Tree& value, std::string_view why) const {
  fail(Kind::unsupported, "{}: {} is {}: {}", file_, path(key), brief(value), why);
}

void ConfigIo::missing(std::string_view key) const {
  if (has(key)) malformed(key, "is missing: it is null");
  std::vector<std::string> names;
  for (const Tree::Entry& entry : in_->entries()) {
    if (names.size() == 1000) break;  // no real file has so many
    names.push_back(entry.key);
  }
  malformed(key, fmt::format("is missing{}", did_you_mean(called(key), names)));
}

void ConfigIo::unspelled(std::string_view key) const {
  fail(Kind::unsupported, "{}: no value of the key {} says what this model has", file_, path(key));
}

void ConfigIo::unknown_choice(std::string_view key, const std::string& text,
                              const std::vector<std::string>& known) const {
  unsupported(key, Tree(text),
              fmt::format("known are {}{}", fmt::join(known, ", "), did_you_mean(text, known)));
}

void ConfigIo::wrong_type(std::string_view key, const Tree& found, Tree::Type wanted) const {
  fail(Kind::format, "{}: key {} is {} ({}), but must be {}", file_, path(key),
       describe(found.type()), brief(found), describe(wanted));
}

void ConfigIo::read(const Tree& found, std::string_view key, bool& field) const {
  if (found.type() != Tree::Type::boolean) wrong_type(key, found, Tree::Type::boolean);
  field = found.boolean();
}

void ConfigIo::read(const Tree& found, std::string_view key, int64_t& field) const {
  if (found.type() != Tree::Type::integer) wrong_type(key, found, Tree::Type::integer);
  field = found.integer();
}

void ConfigIo::read(const Tree& found, std::string_view key, double& field) const {
  if (found.type() != Tree::Type::integer && found.type() != Tree::Type::real)
    wrong_type(key, found, Tree::Type::real);
  field = found.real();
  // YAML and Python have these, JSON and models do not.
  if (!std::isfinite(field)) malformed(key, fmt::format("is {}, no finite number", field));
}

void ConfigIo::read(const Tree& found, std::string_view key, std::string& field) const {
  if (found.type() != Tree::Type::string) wrong_type(key, found, Tree::Type::string);
  field = found.string();
}

std::vector<ConfigIo::Unread> ConfigIo::unread() const {
  std::vector<Unread> all;
  if (!reading()) return all;
  const auto walk = [&](const auto& self, const Tree& map, const std::string& prefix) -> void {
    for (const Tree::Entry& entry : map.entries()) {
      const std::string path = prefix + entry.key;
      if (marks_->opened.contains(path)) {
        self(self, entry.value, path + ".");
      } else if (!marks_->read.contains(path)) {
        all.push_back({path, &entry.value});
      }
    }
  };
  walk(walk, *in_, at_);
  return all;
}

}  // namespace bascule
