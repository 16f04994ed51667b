// Token embeddings. Immutable.
#pragma once

#include "model/arch.h"
#include "nn/batch.h"
#include "nn/parameters.h"
#include "nn/saved.h"

namespace bascule {

/// Rows of the embedding, multiplied by sqrt(hidden) where the model does so (in the model's dtype,
/// as transformers rounds that factor).
class Embedding {
 public:
  Embedding(const Parameters& parameters, const Arch& arch);

  at::Tensor forward(const Batch& batch) const;  // [tokens, hidden]
  void backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const;

 private:
  double factor(at::ScalarType dtype) const;

  const Parameter* weight_;
  bool scaled_;
};

}  // namespace bascule
