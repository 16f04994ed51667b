// What verification found, tensor by tensor. Values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bascule {

/// One logical parameter of two models, or one tensor that only one of them has.
struct TensorReport {
  enum class Verdict {
    equal,    ///< same dtype, same elements
    differs,  ///< see `differing`, or the dtypes
    absent,   ///< in the first, not in the second
    extra,    ///< in the second, not in the first
  };
  Verdict verdict = Verdict::equal;
  std::string name;                          // the parameter ("layers.0.attn.q"), or the tensor
  std::string first_tensor, second_tensor;   // where it lies in each
  std::string first_dtype, second_dtype;     // torch's names
  std::vector<int64_t> shape, second_shape;  // the second only where it is another
  int64_t elements = 0, differing = 0;
  std::vector<int64_t> first_at;          // index of the first differing element
  std::string first_value, second_value;  // there
  std::string hash;                       // XXH3-128 of the first's elements in canonical order
};

struct Report {
  std::vector<TensorReport> tensors;
  std::vector<std::string> notes;  // facts that do not make models differ
  /// How the models differ beside their tensors, which then compute something else: a setting, or
  /// the family. Empty where they do not.
  std::string difference = {};
  /// Equal parameters that nobody asked to see row by row, and the elements of all of them.
  int64_t without_row = 0, elements_without_row = 0;

  int64_t count(TensorReport::Verdict verdict) const;
  int64_t elements() const;
  bool equal() const {
    return difference.empty() && count(TensorReport::Verdict::equal) ==
                                     static_cast<int64_t>(tensors.size()) + without_row;
  }
};

std::string_view name(TensorReport::Verdict verdict);

/// "layers.0.attn.q differs: 3 of 9216 elements, first at [0, 5]: 0.5 and 0.25"
std::string sentence(const TensorReport& row);

}  // namespace bascule
