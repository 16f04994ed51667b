// The one model: a decoder whose blocks an Arch lists. Immutable but for its parameters' values.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "model/arch.h"
#include "nn/block.h"
#include "nn/embedding.h"
#include "nn/head.h"
#include "nn/parameters.h"
#include "nn/rules.h"

namespace bascule {

class Decoder {
 public:
  /// `parameters` must outlive the decoder. Throws Error{unsupported} for blocks that training does
  /// not know.
  Decoder(const Arch& arch, const Parameters& parameters, const DecoderRules& rules = {});

  /// What leaves the last layer, [tokens, hidden]. With `saved`, which is empty, it keeps there
  /// what backward() needs.
  at::Tensor hidden(const Batch& batch, Saved* saved) const;

  /// Adds to the parameters' gradients what the gradient of hidden() gives, and forgets what was
  /// saved.
  void backward(const at::Tensor& dhidden, const Batch& batch, Saved& saved) const;

  const Head& head() const { return head_; }

  /// [tokens, vocabulary]
  at::Tensor logits(const Batch& batch) const;

  /// The summed loss without gradients.
  LossSum loss(const Batch& batch) const;

  /// The summed loss; the gradients of scale * loss are added to the parameters'.
  LossSum forward_backward(const Batch& batch, double scale) const;

 private:
  /// Neighbouring layers, whose insides are computed again in the backward or kept.
  struct Span {
    size_t begin = 0, end = 0;
    bool recomputed = false;
  };
  Embedding embedding_;
  std::vector<std::unique_ptr<Block>> layers_;
  Head head_;
  std::vector<Span> spans_;
};

}  // namespace bascule
