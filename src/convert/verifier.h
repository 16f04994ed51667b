// Comparing two spellings of a model, parameter by parameter, in canonical order.
#pragma once

#include "bascule/report.h"
#include "bascule/reporter.h"
#include "convert/gather.h"

namespace bascule {

/// One side of a comparison: a model's parameters, a source, and how that spells them.
struct Spelled {
  const Slots* slots = nullptr;
  const TensorSource* source = nullptr;
  const Dialect* dialect = nullptr;  // expanded
};

struct VerifyOptions {
  int threads = 2;
  int64_t memory = int64_t{150} << 20;
  /// Compare the first converted to the dtypes of the second, as --dtype wrote it.
  bool convert_first = false;
  /// What is equal is counted, and has no row.
  bool brief = false;
  /// Require that what no slot covers in the second's tensors is zero, as we write it.
  bool zero_padding = false;
};

/// Streams both sides and compares every slot bit for bit; aliases are checked, too. Slots that one
/// model lacks, and names that neither side binds, aliases or ignores, are reported as absent or
/// extra; slots of two shapes differ.
/// Throws Error{mismatch} where a side lacks a bound tensor or has another shape.
Report verify(const Spelled& first, const Spelled& second, Reporter& reporter,
              const VerifyOptions& options);

/// Names of `source` that `dialect` neither binds, nor aliases, nor ignores.
std::vector<std::string> unexplained(const TensorSource& source, const Dialect& dialect);

/// Throws Error{mismatch}, naming up to ten tensors, unless the names in the source are those that
/// the dialect binds, aliases or ignores and every bound tensor is there.
void check_names(const TensorSource& source, const Dialect& dialect, const std::string& where);

/// Reads what no slot covers in the source's tensors (rows of a padded vocabulary); one row for
/// each tensor where that is not zero.
std::vector<TensorReport> check_padding(const Spelled& spelled);

/// Compares each alias that the source holds with what it repeats; one row for each that differs.
std::vector<TensorReport> check_aliases(const TensorSource& source, const Dialect& dialect);

}  // namespace bascule
