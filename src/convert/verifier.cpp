#include "convert/verifier.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <unordered_set>

#include "base/check.h"
#include "base/hash.h"
#include "base/shown.h"
#include "base/workers.h"
#include "convert/cast.h"
#include "convert/executor.h"

namespace bascule {
namespace {

// Slots whose copies are planned at once: plans of both sides take about 1.5 KB a slot.
constexpr size_t kGroup = 8192;

/// Buffers of one thread.
struct Pair {
  std::vector<std::byte> first, second;
  Scratch scratch;
};

/// Adds to `row` what differs between two windows of the same elements.
void count_differences(TensorReport& row, const Box& window, DType dtype,
                       std::span<const std::byte> first, std::span<const std::byte> second) {
  const size_t step = std::max<size_t>(1, as_index(bits(dtype)) / 8);
  const Shape steps = strides(window.extent);
  for (size_t i = 0; i * step < first.size(); ++i) {
    if (std::memcmp(&first[i * step], &second[i * step], step) == 0) continue;
    if (row.differing++) continue;
    auto rest = static_cast<int64_t>(i);
    row.first_at = window.at;
    for (size_t d = 0; d < steps.size(); ++d) {
      row.first_at[d] += rest / steps[d];
      rest %= steps[d];
    }
    row.first_value = element_text(dtype, first, static_cast<int64_t>(i));
    row.second_value = element_text(dtype, second, static_cast<int64_t>(i));
  }
}

/// The rows (along the first dimension) of a stored tensor that no slot reaches.
std::vector<Box> uncovered_rows(const Packed& packed) {
  std::vector<std::pair<int64_t, int64_t>> covered;  // from, to
  for (const Piece& piece : packed.pieces) {
    const auto first = std::ranges::find(piece.dims, 0, &Piece::Dim::stored);
    if (first == piece.dims.end())
      covered.emplace_back(piece.at[0], piece.at[0] + 1);
    else
      for (const Run& run : unfolded(first->runs))
        covered.emplace_back(run.to, run.to + run.length);
  }
  covered.emplace_back(packed.shape[0], packed.shape[0]);
  std::ranges::sort(covered);
  std::vector<Box> rows;
  int64_t seen = 0;
  for (const auto& [from, to] : covered) {
    if (from > seen) {
      Box& box = rows.emplace_back(whole(packed.shape));
      box.at[0] = seen;
      box.extent[0] = from - seen;
    }
    seen = std::max(seen, to);
  }
  return rows;
}

/// The rows that hold any slot of `order`.
Dialect needed(const Dialect& dialect, const Dialect& order) {
  std::unordered_set<std::string_view> slots;
  for (const Binding& row : order.bindings) slots.insert(row.name);
  Dialect some;
  for (const Binding& row : dialect.bindings)
    if (std::ranges::any_of(row.layout.leaves(),
                            [&](const std::string& leaf) { return slots.contains(leaf); }))
      some.bindings.push_back(row);
  return some;
}

/// One side's copies into the slots of a group.
struct Side {
  Side(const Spelled& spelled, const Dialect& order)
      : copies(plan(*spelled.slots, needed(*spelled.dialect, order), order)),
        gather(copies, {spelled.source}) {}
  Side(const Side&) = delete;

  const Plan copies;
  const Gather gather;
};

/// Compares one slot, window by window.
TensorReport compare(const Side& first, const Side& second, size_t slot,
                     const VerifyOptions& options, Pair& pair, Reporter& reporter) {
  const PlanTensor& tensor = first.copies.to[slot];
  const DType second_dtype = second.gather.source_dtype(slot);
  const DType stored = first.gather.source_dtype(slot);
  const DType first_dtype = options.convert_first ? second_dtype : stored;
  TensorReport row;
  row.elements = elements(tensor.shape);
  // With two dtypes, values are compared as the wider one holds them, or as one that holds both.
  const bool alike = first_dtype == second_dtype;
  const DType wider = bits(first_dtype) > bits(second_dtype) ? first_dtype : second_dtype;
  const DType common = alike                                     ? first_dtype
                       : bits(first_dtype) != bits(second_dtype) ? wider
                                                                 : DType::f32;
  const bool comparable =
      alike || (can_cast(first_dtype, common) && can_cast(second_dtype, common));
  Hasher hasher;
  if (comparable)
    for (const Box& window :
         windows(whole(tensor.shape), common, window_bytes(options.memory, 2 * options.threads))) {
      const size_t size = as_index(bytes(common, elements(window.extent)));
      pair.first.resize(std::max(pair.first.size(), size));
      pair.second.resize(std::max(pair.second.size(), size));
      const std::span<std::byte> a(pair.first.data(), size), b(pair.second.data(), size);
      first.gather.fill(slot, window, common, a, pair.scratch);
      second.gather.fill(slot, window, common, b, pair.scratch);
      hasher.update(a);
      if (std::memcmp(a.data(), b.data(), size) != 0) count_differences(row, window, common, a, b);
      reporter.advance(static_cast<int64_t>(size));
    }
  if (!alike || row.differing) row.verdict = TensorReport::Verdict::differs;
  if (options.brief && row.verdict == TensorReport::Verdict::equal) return row;
  row.name = tensor.name;
  row.first_tensor = first.copies.from[first.copies.into(slot)[0].from].name;
  row.second_tensor = second.copies.from[second.copies.into(slot)[0].from].name;
  row.first_dtype = torch_name(first_dtype);
  row.second_dtype = torch_name(second_dtype);
  row.shape = tensor.shape;
  row.hash = hasher.hex();
  return row;
}

/// The slots that two models have alike, in the first's canonical order; `rows` gets the rest.
std::vector<const Slot*> common_slots(const Slots& first, const Slots& second,
                                      std::vector<TensorReport>& rows) {
  std::vector<const Slot*> common;
  const auto only = [&](const Slot& slot, TensorReport::Verdict verdict) {
    TensorReport& row = rows.emplace_back();
    row.verdict = verdict;
    row.name = slot.id;
    row.shape = slot.shape;
  };
  for (const Slot& slot : first.all()) {
    const Slot* other = second.find(slot.id);
    if (!other) {
      only(slot, TensorReport::Verdict::absent);
    } else if (other->shape != slot.shape) {
      only(slot, TensorReport::Verdict::differs);
      rows.back().second_shape = other->shape;
    } else {
      common.push_back(&slot);
    }
  }
  for (const Slot& slot : second.all())
    if (!first.find(slot.id)) only(slot, TensorReport::Verdict::extra);
  return common;
}

}  // namespace

Report verify(const Spelled& first, const Spelled& second, Reporter& reporter,
              const VerifyOptions& options) {
  std::vector<TensorReport> unmatched;
  const std::vector<const Slot*> common = common_slots(*first.slots, *second.slots, unmatched);
  int64_t total = 0;
  for (const Binding& row : second.dialect->bindings)
    if (const auto index = find(*second.source, row.name)) {
      const TensorInfo& tensor = second.source->tensors()[*index];
      total += bytes(tensor.dtype, elements(tensor.shape));
    }
  reporter.phase("verifying", total);

  Report report;
  if (!options.brief) report.tensors.reserve(common.size());
  std::vector<Pair> pairs(as_index(std::max(1, options.threads)));
  for (size_t begin = 0; begin < common.size(); begin += kGroup) {
    const size_t count = std::min(kGroup, common.size() - begin);
    Dialect order;
    for (const Slot* slot : std::span(common).subspan(begin, count))
      order.bindings.push_back(exact(slot->id, Layout(slot->id)));
    const Side one(first, order), other(second, order);
    std::vector<TensorReport> rows(count);
    parallel(options.threads, count, [&](size_t slot, int worker) {
      rows[slot] = compare(one, other, slot, options, pairs[as_index(worker)], reporter);
    });
    for (TensorReport& row : rows) {
      if (options.brief && row.verdict == TensorReport::Verdict::equal) {
        ++report.without_row;
        report.elements_without_row += row.elements;
      } else {
        report.tensors.push_back(std::move(row));
      }
    }
  }
  std::ranges::move(unmatched, std::back_inserter(report.tensors));
  const auto add = [&](const Spelled& side, TensorReport::Verdict verdict) {
    for (std::string& name : unexplained(*side.source, *side.dialect)) {
      TensorReport row;
      row.verdict = verdict;
      row.name = std::move(name);
      report.tensors.push_back(std::move(row));
    }
    for (TensorReport& row : check_aliases(*side.source, *side.dialect))
      report.tensors.push_back(std::move(row));
  };
  add(first, TensorReport::Verdict::absent);
  add(second, TensorReport::Verdict::extra);
  if (options.zero_padding)
    std::ranges::move(check_padding(second), std::back_inserter(report.tensors));
  return report;
}

std::vector<TensorReport> check_padding(const Spelled& spelled) {
  std::vector<TensorReport> rows;
  for (const Binding& binding : spelled.dialect->bindings) {
    if (binding.layout.kind() == Layout::Node::leaf) continue;  // a slot, and nothing else
    int64_t held = 0;
    const Shape shape = binding.layout.each_piece(
        *spelled.slots, {}, [&](const Piece& piece) { held += piece.elements(); });
    if (held == elements(shape)) continue;
    const Packed packed = binding.layout.pack(*spelled.slots);
    const auto index = find(*spelled.source, binding.name);
    require(index.has_value(), Kind::mismatch, "tensor {} is missing", binding.name);
    const TensorInfo& tensor = spelled.source->tensors()[*index];
    TensorReport row;
    row.verdict = TensorReport::Verdict::differs;
    row.name = fmt::format("{} (its padding, which must be zero)", binding.name);
    row.first_tensor = row.second_tensor = binding.name;
    row.first_dtype = row.second_dtype = torch_name(tensor.dtype);
    row.shape = tensor.shape;
    row.elements = packed.padding();
    std::vector<std::byte> zeros, padding;
    for (const Box& box : uncovered_rows(packed))
      for (const Box& window : windows(box, tensor.dtype, int64_t{1} << 20)) {
        padding.resize(as_index(bytes(tensor.dtype, elements(window.extent))));
        zeros.assign(padding.size(), std::byte{0});
        spelled.source->read(*index, window, padding);
        if (padding != zeros) count_differences(row, window, tensor.dtype, zeros, padding);
      }
    if (row.differing) rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> unexplained(const TensorSource& source, const Dialect& dialect) {
  std::vector<std::string_view> known;
  std::vector<std::string> names;
  known.reserve(dialect.bindings.size() + dialect.aliases.size());
  for (const Binding& row : dialect.bindings) known.push_back(row.name);
  for (const Alias& alias : dialect.aliases) known.push_back(alias.name);
  std::sort(known.begin(), known.end());
  for (const TensorInfo& tensor : source.tensors())
    if (!std::binary_search(known.begin(), known.end(), tensor.name) &&
        !dialect.ignores(tensor.name))
      names.push_back(tensor.name);
  return names;
}

void check_names(const TensorSource& source, const Dialect& dialect, const std::string& where) {
  std::vector<std::string> missing, unknown = unexplained(source, dialect);
  for (const Binding& row : dialect.bindings)
    if (!find(source, row.name)) missing.push_back(row.name);
  if (missing.empty() && unknown.empty()) return;
  std::string text;
  const auto list = [&](const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += fmt::format("{}{} {}:", text.empty() ? "" : "; ", names.size(), what);
    for (size_t i = 0; i < std::min<size_t>(10, names.size()); ++i) {
      // A name of a file may be anything; a usual one needs no quotes.
      const std::string quoted = shown(names[i]);
      text += " " + (quoted.size() == names[i].size() + 2 ? names[i] : quoted);
      const auto index = find(source, names[i]);
      const std::string file = index ? source.file_of(*index) : "";
      if (!file.empty()) text += " in " + file;
    }
    if (names.size() > 10) text += " ...";
  };
  list(missing.size() == 1 ? "tensor is missing" : "tensors are missing", missing);
  list(unknown.size() == 1 ? "tensor is unknown" : "tensors are unknown", unknown);
  fail(Kind::mismatch,
       "{}: {}; the configuration and the weights do not belong together, or the family does not "
       "know these tensors; take both from one release of the model",
       where, text);
}

std::vector<TensorReport> check_aliases(const TensorSource& source, const Dialect& dialect) {
  std::vector<TensorReport> rows;
  for (const Alias& alias : dialect.aliases) {
    const auto copy = find(source, alias.name), original = find(source, alias.of);
    if (!copy || !original) continue;
    const TensorInfo &a = source.tensors()[*original], &b = source.tensors()[*copy];
    TensorReport row;
    row.name = fmt::format("{} (which repeats {})", alias.name, alias.of);
    row.first_tensor = alias.of;
    row.second_tensor = alias.name;
    row.first_dtype = torch_name(a.dtype);
    row.second_dtype = torch_name(b.dtype);
    row.shape = a.shape;
    row.verdict = TensorReport::Verdict::differs;
    if (a.dtype == b.dtype && a.shape == b.shape) {
      row.elements = elements(a.shape);
      std::vector<std::byte> first, second;
      for (const Box& window : windows(whole(a.shape), a.dtype, int64_t{1} << 20)) {
        first.resize(as_index(bytes(a.dtype, elements(window.extent))));
        second.resize(first.size());
        source.read(*original, window, first);
        source.read(*copy, window, second);
        if (first != second) count_differences(row, window, a.dtype, first, second);
      }
      if (row.differing == 0) continue;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace bascule
