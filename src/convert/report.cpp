#include "bascule/report.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace bascule {

int64_t Report::count(TensorReport::Verdict verdict) const {
  return std::count_if(tensors.begin(), tensors.end(),
                       [&](const TensorReport& row) { return row.verdict == verdict; }) +
         (verdict == TensorReport::Verdict::equal ? without_row : 0);
}

int64_t Report::elements() const {
  int64_t total = elements_without_row;
  for (const TensorReport& row : tensors) total += row.elements;
  return total;
}

std::string_view name(TensorReport::Verdict verdict) {
  switch (verdict) {
    case TensorReport::Verdict::equal:
      return "equal";
    case TensorReport::Verdict::differs:
      return "differs";
    case TensorReport::Verdict::absent:
      return "absent";
    case TensorReport::Verdict::extra:
      return "extra";
  }
  return "differs";
}

std::string sentence(const TensorReport& row) {
  switch (row.verdict) {
    case TensorReport::Verdict::equal:
      return fmt::format("{} is equal ({} elements, {})", row.name, row.elements, row.hash);
    case TensorReport::Verdict::absent:
      return fmt::format("{} is absent from the second", row.name);
    case TensorReport::Verdict::extra:
      return fmt::format("{} is only in the second", row.name);
    case TensorReport::Verdict::differs:
      break;
  }
  std::string text = fmt::format("{} differs", row.name);
  if (row.first_dtype != row.second_dtype)
    text += fmt::format(": dtype {} and {}", row.first_dtype, row.second_dtype);
  if (!row.second_shape.empty())
    text += fmt::format(": shape [{}] and [{}]", fmt::join(row.shape, ", "),
                        fmt::join(row.second_shape, ", "));
  if (row.differing)
    text +=
        fmt::format(": {} of {} elements, first at [{}]: {} and {}", row.differing, row.elements,
                    fmt::join(row.first_at, ", "), row.first_value, row.second_value);
  if (row.first_tensor != row.second_tensor)
    text += fmt::format(" ({} and {})", row.first_tensor, row.second_tensor);
  return text;
}

}  // namespace bascule
