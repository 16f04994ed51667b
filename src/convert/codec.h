// Values that a format encodes: sources that show the decoded tensor, or the encoded parts.
//
// A codec's tensor NAME is virtual in the encoded format; what is stored are its parts:
//   fp8_block128  NAME (F8_E4M3) and NAME_scale_inv (F32): one scale for 128 x 128 values of the
//                 last two dimensions; value = stored * scale (DeepSeek-V3, arXiv:2412.19437, 3.3)
//   mxfp4         NAME_blocks (U8, [..., groups, 16]) and NAME_scales (U8, [..., groups]): 32
//   values
//                 of the last dimension share a power of two; two E2M1 values a byte, the first in
//                 the low half (OCP Microscaling Formats 1.0)
// Both sources refer to the one they wrap, which must outlive them. const members may be called
// from several threads.
#pragma once

#include <functional>
#include <memory>

#include "convert/gather.h"
#include "model/dialect.h"
#include "store/tensor_source.h"

namespace bascule {

/// Shows each encoded binding of `dialect` as one bf16 tensor and hides its parts. A binding whose
/// parts are absent is shown as it is stored.
class DecodedSource final : public TensorSource {
 public:
  DecodedSource(const TensorSource& stored, const Dialect& dialect);
  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  /// Throws Error{unsupported} when a cut of an mxfp4 tensor does not fall on 32 values.
  void read(size_t index, const Box& box, std::span<std::byte> out) const override;
  std::pair<size_t, int64_t> place(size_t index) const override;

 private:
  struct Row {
    Codec codec = Codec::plain;
    size_t values = 0, scales = 0;  // indices in the stored source
  };
  const TensorSource& stored_;
  std::vector<TensorInfo> infos_;
  std::vector<Row> rows_;
};

/// Shows the parts of each encoded binding of `dialect`, computed from the plain tensor.
class EncodedSource final : public TensorSource {
 public:
  EncodedSource(const TensorSource& plain, const Dialect& dialect);
  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  void read(size_t index, const Box& box, std::span<std::byte> out) const override;
  std::pair<size_t, int64_t> place(size_t index) const override;

 private:
  enum class Part { whole, values, scales };
  struct Row {
    Codec codec = Codec::plain;
    Part part = Part::whole;
    size_t plain = 0;
  };
  void add(TensorInfo info, Row row);
  const TensorSource& plain_;
  std::vector<TensorInfo> infos_;
  std::vector<Row> rows_;
};

/// The targets of a plan as a source: what a gather would write, read on demand.
class GatheredSource final : public TensorSource {
 public:
  GatheredSource(const Plan& plan, const Gather& gather);
  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  void read(size_t index, const Box& box, std::span<std::byte> out) const override;
  std::pair<size_t, int64_t> place(size_t index) const override;

 private:
  const Gather& gather_;
  std::vector<TensorInfo> infos_;
  std::vector<size_t> targets_;
};

/// A plan that copies each tensor of a source to a tensor of the same name.
Plan identity(const TensorSource& source);

}  // namespace bascule
