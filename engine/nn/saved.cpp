#include "nn/saved.h"

#include <unordered_set>

#include "kernels/embedding.h"
#include "kernels/grouped.h"
#include "nn/parameters.h"

namespace bascule {
namespace {

using at::Tensor;

void add(const Saved::Waiting& waiting) {
  const Tensor& gradient = waiting.parameter->gradient;
  if (!gradient.defined()) return;  // frozen
  const bool overwrites = first_writes(*waiting.parameter);
  if (waiting.ends.defined()) {
    Tensor squares;
    add_grouped_products(gradient, waiting.dy, waiting.x, waiting.ends, overwrites,
                         waiting.last ? &squares : nullptr);
    if (!squares.defined()) return;
    waiting.parameter->squares->sums.push_back(squares);
    waiting.parameter->squares->elements += gradient.numel();
  } else if (waiting.rows.defined()) {
    if (overwrites && !waiting.parameter->zero) gradient.zero_();
    embedding_backward(gradient, waiting.dy, waiting.rows, waiting.factor);
  } else if (waiting.x.defined()) {
    add_products(gradient, waiting.dy, waiting.x, overwrites);
  } else if (overwrites) {
    gradient.copy_(waiting.dy.view(gradient.sizes()));
  } else {
    gradient.add_(waiting.dy.view(gradient.sizes()));
  }
}

void count(const Saved& saved, std::unordered_set<const void*>& seen, int64_t& bytes) {
  for (const Tensor& tensor : saved.tensors)
    if (tensor.defined() && tensor.storage().data() && seen.insert(tensor.storage().data()).second)
      bytes += static_cast<int64_t>(tensor.storage().nbytes());
  for (const Saved& part : saved.parts) count(part, seen, bytes);
}

}  // namespace

int64_t Saved::bytes() const {
  std::unordered_set<const void*> seen;
  int64_t bytes = 0;
  count(*this, seen, bytes);
  return bytes;
}

void accumulate(Saved& saved) {
  for (const Saved::Waiting& waiting : saved.waiting) add(waiting);
  for (Saved& part : saved.parts) accumulate(part);
  saved = {};
}

}  // namespace bascule
