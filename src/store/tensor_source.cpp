#include "store/tensor_source.h"

#include <algorithm>

namespace bascule {

std::optional<size_t> find(const TensorSource& source, std::string_view name) {
  const auto& all = source.tensors();
  const auto at =
      std::lower_bound(all.begin(), all.end(), name,
                       [](const TensorInfo& t, std::string_view n) { return t.name < n; });
  if (at == all.end() || at->name != name) return {};
  return static_cast<size_t>(at - all.begin());
}

std::string lies_in(const TensorSource& source, size_t index) {
  std::string file = source.file_of(index);
  return file.empty() ? source.directory() : file;
}

}  // namespace bascule
