#include "store/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/shown.h"
#include "store/json_events.h"

namespace bascule {
namespace {

constexpr size_t kMaxDims = 64;
constexpr std::string_view kMetadataKey = "__metadata__";

// Collects {name: {"dtype", "shape", "data_offsets"}, "__metadata__": {key: text}} and refuses
// everything else as soon as it is seen, so nesting and lists are bounded.
class HeaderEvents final : public JsonEvents {
 public:
  explicit HeaderEvents(std::string_view where) : where_(where) {}

  void begin_object() override {
    if (in_metadata_ ? depth_ != 1 : depth_ != 0 && (depth_ != 1 || field_ != Field::none))
      fail_here("an object", "is not expected");
    ++depth_;
    seen_ = 0;
  }

  void end_object() override {
    --depth_;
    if (depth_ == 1 && !in_metadata_) finish_tensor();
    if (depth_ == 1) in_metadata_ = false;
    field_ = Field::none;
  }

  void begin_array() override {
    if (in_list_ || depth_ != 2 || (field_ != Field::shape && field_ != Field::offsets))
      fail_here("a list", "is not expected");
    in_list_ = true;
  }

  void end_array() override { in_list_ = false; }

  void key(std::string& text) override {
    if (depth_ == 1) return begin_entry(text);
    if (in_metadata_) {
      require(header_.metadata.size() < kMaxSafetensorsMetadata, Kind::format,
              "{}: __metadata__ has more than {} entries", where_, kMaxSafetensorsMetadata);
      header_.metadata.emplace_back(std::move(text), "");
      return;
    }
    constexpr std::array kFields = {std::string_view("dtype"), std::string_view("shape"),
                                    std::string_view("data_offsets")};
    const auto at = std::find(kFields.begin(), kFields.end(), text);
    if (at == kFields.end()) fail_tensor("unknown key {}", shown(text));
    field_ = static_cast<Field>(at - kFields.begin());
    const unsigned bit = 1u << (at - kFields.begin());
    if ((seen_ & bit) != 0) fail_tensor("{} is there twice", *at);
    seen_ |= bit;
  }

  void string(std::string& text) override {
    if (in_metadata_ && depth_ == 2) {
      header_.metadata.back().second = std::move(text);
      return;
    }
    if (depth_ != 2 || field_ != Field::dtype || in_list_) fail_here(shown(text), "is text");
    try {
      entry().info.dtype = dtype_from_safetensors(text);
    } catch (const Error&) {
      fail_tensor("unknown dtype {}", shown(text));
    }
  }

  void natural(uint64_t number) override {
    if (!in_list_) fail_here(std::to_string(number), "is a number");
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      fail_tensor("{} in {} does not fit 63 bits", number, list_name());
    const int64_t value = static_cast<int64_t>(number);
    if (field_ == Field::shape) {
      if (entry().info.shape.size() == kMaxDims) fail_tensor("more than {} dimensions", kMaxDims);
      entry().info.shape.push_back(value);
    } else {
      if (offsets_ == 2) fail_tensor("more than two data_offsets");
      (offsets_ == 0 ? entry().begin : entry().end) = value;
      ++offsets_;
    }
  }

  void other(std::string_view text) override {
    if (in_list_) fail_tensor("{} in {} is not a natural number", shown(text), list_name());
    fail_here(shown(text), "is not expected");
  }

  SafetensorsHeader take() { return std::move(header_); }

 private:
  enum class Field { dtype, shape, offsets, none };

  SafetensorsEntry& entry() { return header_.entries.back(); }
  std::string_view list_name() const { return field_ == Field::shape ? "shape" : "data_offsets"; }

  // Throws only: building a message for each event that is well would take most of the time.
  template <class... Args>
  [[noreturn]] void fail_tensor(fmt::format_string<Args...> text, Args&&... args) const {
    fail(Kind::format, "{}: tensor {}: {}", where_, shown(header_.entries.back().info.name),
         fmt::format(text, std::forward<Args>(args)...));
  }

  [[noreturn]] void fail_here(std::string_view what, std::string_view problem) const {
    if (in_metadata_)
      fail(Kind::format, "{}: {} {} in __metadata__, which maps text to text", where_, what,
           problem);
    if (depth_ >= 1 && !header_.entries.empty())
      fail(Kind::format, "{}: {} {} in the entry of tensor {}", where_, what, problem,
           shown(header_.entries.back().info.name));
    fail(Kind::format, "{}: {} {} in the header, which is an object", where_, what, problem);
  }

  void begin_entry(std::string& text) {
    field_ = Field::none;
    if (text == kMetadataKey) {
      require(!metadata_seen_, Kind::format, "{}: __metadata__ is there twice", where_);
      metadata_seen_ = in_metadata_ = true;
      return;
    }
    require(header_.entries.size() < kMaxSafetensorsTensors, Kind::format,
            "{}: more than {} tensors in one file", where_, kMaxSafetensorsTensors);
    if (text.find('\0') != std::string::npos)
      fail(Kind::format, "{}: the tensor name {} holds a zero byte", where_, shown(text));
    header_.entries.emplace_back().info.name = std::move(text);
    offsets_ = 0;
  }

  void finish_tensor() {
    if ((seen_ & 1) == 0) fail_tensor("dtype is missing");
    if ((seen_ & 2) == 0) fail_tensor("shape is missing");
    if ((seen_ & 4) == 0) fail_tensor("data_offsets is missing");
    if (offsets_ != 2) fail_tensor("{} data_offsets instead of 2", offsets_);
  }

  std::string_view where_;
  SafetensorsHeader header_;
  int depth_ = 0;
  int offsets_ = 0;
  unsigned seen_ = 0;  // a bit for each Field
  Field field_ = Field::none;
  bool in_list_ = false, in_metadata_ = false, metadata_seen_ = false;
};

void require_unique_names(const SafetensorsHeader& header, std::string_view where) {
  std::vector<uint32_t> order(header.entries.size());
  std::iota(order.begin(), order.end(), 0);
  const auto name = [&](uint32_t i) -> const std::string& { return header.entries[i].info.name; };
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return name(a) < name(b); });
  const auto twin = std::adjacent_find(order.begin(), order.end(),
                                       [&](auto a, auto b) { return name(a) == name(b); });
  if (twin != order.end())
    fail(Kind::format, "{}: tensor {} is there twice", where, shown(name(*twin)));
}

void sort_metadata(SafetensorsHeader& header, std::string_view where) {
  auto& metadata = header.metadata;
  std::sort(metadata.begin(), metadata.end());
  const auto twin = std::adjacent_find(metadata.begin(), metadata.end(),
                                       [](auto& a, auto& b) { return a.first == b.first; });
  if (twin != metadata.end())
    fail(Kind::format, "{}: __metadata__ has the key {} twice", where, shown(twin->first));
}

// The bytes that dtype and shape make, every product checked.
int64_t size_of(const SafetensorsEntry& entry, std::string_view where) {
  try {
    return bytes(entry.info.dtype, elements(entry.info.shape));
  } catch (const Error& error) {
    fail(Kind::format, "{}: tensor {}: {}", where, shown(entry.info.name), error.message());
  }
}

void require_sound(const SafetensorsHeader& header, int64_t data_bytes, std::string_view where) {
  int64_t end = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    const auto name = [&] { return shown(entry.info.name); };
    if (entry.begin > entry.end)
      fail(Kind::format, "{}: tensor {}: ends at {}, before it begins at {}", where, name(),
           entry.end, entry.begin);
    if (const int64_t size = size_of(entry, where); size != entry.end - entry.begin)
      fail(Kind::format, "{}: tensor {}: {} {} takes {} bytes, but its data_offsets hold {}", where,
           name(), safetensors_name(entry.info.dtype), to_string(entry.info.shape), size,
           entry.end - entry.begin);
    if (entry.begin != end)
      fail(Kind::format, "{}: tensor {}: begins at {}, {} the data before it ends at {}", where,
           name(), entry.begin, entry.begin > end ? "after a hole:" : "an overlap:", end);
    end = entry.end;
  }
  require(end == data_bytes, Kind::format,
          "{}: the header describes {} bytes of data, {} are there{}", where, end, data_bytes,
          end > data_bytes ? "; the file is truncated" : "");
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, int64_t data_bytes,
                                           std::string_view where) {
  require(json.starts_with('{'), Kind::format, "{}: the header does not begin with '{{'", where);
  HeaderEvents events(where);
  read_json(json, events, where);
  SafetensorsHeader header = events.take();
  const auto place = [](const SafetensorsEntry& e) { return std::pair(e.begin, e.end); };
  const auto before = [&](const auto& a, const auto& b) { return place(a) < place(b); };
  if (!std::is_sorted(header.entries.begin(), header.entries.end(), before))
    std::stable_sort(header.entries.begin(), header.entries.end(), before);
  require_unique_names(header, where);
  sort_metadata(header, where);
  require_sound(header, data_bytes, where);
  return header;
}

}  // namespace bascule
