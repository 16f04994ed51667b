#include "store/torch_dist/backend.h"

#include <optional>
#include <string>

#include "base/check.h"
#include "base/shown.h"
#include "store/json_events.h"

namespace bascule {
namespace {

constexpr int kMaxDepth = 32;

// Keeps two of the outermost object's values; what else people put there is passed over.
class BackendEvents final : public JsonEvents {
 public:
  explicit BackendEvents(std::string_view where) : where_(where) {}

  void begin_object() override { enter("an object"); }
  void end_object() override { --depth_; }
  void begin_array() override {
    require(depth_ > 0, Kind::format, "{} names no sharded_backend: it is a list", where_);
    enter("a list");
  }
  void end_array() override { --depth_; }
  void key(std::string& text) override {
    if (depth_ == 1) key_ = std::move(text);
  }
  void string(std::string& text) override {
    if (depth_ == 1 && key_ == "sharded_backend") backend = text;
    value(text);
  }
  void natural(uint64_t number) override { value(std::to_string(number)); }
  void other(std::string_view text) override { value(text); }

  std::optional<std::string> backend;
  std::string version = "1";

 private:
  void value(std::string_view text) {
    if (depth_ == 1 && key_ == "sharded_backend_version") version = text;
  }

  void enter(std::string_view what) {
    require(depth_ < kMaxDepth, Kind::format, "{}: nested deeper than {}", where_, kMaxDepth);
    value(what);
    ++depth_;
  }

  std::string_view where_;
  std::string key_;
  int depth_ = 0;
};

}  // namespace

void require_torch_dist(std::string_view json, std::string_view where) {
  BackendEvents found(where);
  read_json(json, found, where);
  require(found.backend.has_value(), Kind::format, "{} names no sharded_backend", where);
  if (found.backend != "torch_dist" || found.version != "1")
    fail(Kind::unsupported,
         "{}: sharded_backend is {} version {}; torch_dist version 1 can be read", where,
         shown(*found.backend), shown(found.version));
}

}  // namespace bascule
