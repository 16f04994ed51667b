#include "train/given_batch.h"

#include <fmt/ranges.h>

#include "base/check.h"

namespace bascule {

using at::Tensor;

namespace {

void require_shape(const Tensor& given, const Tensor& like, const char* name) {
  require(given.sizes() == like.sizes(), Kind::user, "{} has the shape [{}], not input_ids' [{}]",
          name, fmt::join(given.sizes(), ", "), fmt::join(like.sizes(), ", "));
}

}  // namespace

Tensor flat_ids(const Tensor& given, const Tensor& like, const char* name) {
  require_shape(given, like, name);
  require(at::isIntegralType(given.scalar_type(), /*includeBool=*/false), Kind::user,
          "{} are of {}, not integers", name, at::toString(given.scalar_type()));
  return given.to(at::kLong).contiguous().view({-1});
}

void require_within(const Tensor& ids, int64_t end, const char* name) {
  if (ids.numel() == 0) return;
  const int64_t least = ids.min().item<int64_t>(), most = ids.max().item<int64_t>();
  require(least >= 0 && most < end, Kind::user, "{} holds {}, which is not in [0, {})", name,
          least < 0 ? least : most, end);
}

Batch given_batch(const GivenBatch& given, int64_t vocabulary, int64_t most) {
  const Tensor& tokens = given.tokens;
  require(tokens.dim() == 2 && tokens.numel() > 0, Kind::user,
          "tokens are of {} dimensions; [sequences, length] is what a model takes", tokens.dim());
  Batch batch{.sequences = tokens.size(0), .length = tokens.size(1)};
  require(most == 0 || batch.length <= most, Kind::user,
          "sequences of {} tokens, and the model is made for {} positions", batch.length, most);
  batch.tokens = flat_ids(tokens, tokens, "tokens");
  batch.labels = flat_ids(given.labels, tokens, "labels");
  require_within(batch.tokens, vocabulary, "tokens");
  require_within(batch.labels, vocabulary, "labels");
  require_shape(given.loss_mask, tokens, "loss_mask");
  batch.loss_mask = given.loss_mask.to(at::kFloat).contiguous().view({-1});
  if (given.positions.defined()) {
    batch.positions = flat_ids(given.positions, tokens, "position_ids");
    require_within(batch.positions, most == 0 ? batch.length : most, "position_ids");
  } else {
    batch.positions = at::arange(batch.length, batch.tokens.options()).repeat({batch.sequences});
  }
  return batch;
}

}  // namespace bascule
