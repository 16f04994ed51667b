// tokenizer.json, tokenizer_config.json and special_tokens_map.json, with a zero byte between them.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "bridge/special_tokens.h"
#include "fuzz/fuzz.h"

namespace {

constexpr int64_t kVocab = 300;

/// A file in memory, which has a name while it is open.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    bascule::must_hold(fd_ >= 0);
    for (size_t at = 0; at < text.size();) {
      const ssize_t put = ::write(fd_, text.data() + at, text.size() - at);
      bascule::must_hold(put > 0);
      at += static_cast<size_t>(put);
    }
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string name() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    std::array<std::string_view, 3> parts;
    std::string_view rest = text_of(data, size);
    for (std::string_view& part : parts) {
      part = rest.substr(0, rest.find('\0'));
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    }
    const MemoryFile tokenizer(parts[0]), configuration(parts[1]), map(parts[2]);
    Tree config = Tree::map();
    const std::string said = add_special_tokens(config,
                                                {{"tokenizer.json", tokenizer.name()},
                                                 {"tokenizer_config.json", configuration.name()},
                                                 {"special_tokens_map.json", map.name()}},
                                                kVocab);
    size_t known = 0;
    for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
      const Tree* id = config.find(key);
      if (!id) continue;
      ++known;
      must_hold(id->is_null() || (id->integer() >= 0 && id->integer() < kVocab));
    }
    must_hold(said.empty() == (known == 3));
    // As if the tokens were asked for.
    std::map<std::string, int64_t, std::less<>> ids = {{"<s>", -1}, {"a", -1}, {"", -1}};
    find_token_ids(parts[0], "x", ids);
    for (const auto& [token, id] : ids) must_hold(id >= -1);
  });
}
