// A Megatron `torch_dist` checkpoint, one iteration's directory, as a source of tensors and
// objects. const members may be called from several threads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/tensor_source.h"
#include "store/torch_dist/pickle_value.h"
#include "store/torch_dist/train_state.h"

namespace bascule {

class TorchArchive;

/// The object that holds the common state where there is no common.pt.
inline constexpr std::string_view kCommonObject = "common_state/shard_0_1";

struct TorchDistOptions {
  /// Prefixes taken off tensor and object names when all tensors have them: "module." for NeMo 2.
  std::vector<std::string> strip_prefixes = {};
};

class TorchDistSource : public TensorSource {
 public:
  /// Opens the directory of one iteration, which holds `metadata.json` and `.metadata`. Checks that
  /// the chunks of every tensor cover it exactly once, and that each lies within its file; headers
  /// of the chunks are only read when a box needs them.
  /// Throws Error{format, unsupported, environment} naming the file and the tensor.
  static std::unique_ptr<TorchDistSource> open(const std::filesystem::path& directory,
                                               const TorchDistOptions& options = {});
  ~TorchDistSource() override;

  const std::vector<TensorInfo>& tensors() const override;
  void read(size_t index, const Box& box, std::span<std::byte> out) const override;
  std::pair<size_t, int64_t> place(size_t index) const override;
  std::string directory() const override;

  /// The boxes in which tensor `index` is stored, by ascending offset.
  std::vector<Box> chunks(size_t index) const;
  /// Names of the data files, in the numbering of place().
  const std::vector<std::string>& files() const;

  /// Names of what is stored and is no tensor, sorted: `..._extra_state/shard_0_3`,
  /// `rng_state/shard_0.0_1.1`, `common_state/shard_0_1`.
  const std::vector<std::string>& objects() const;
  /// Gives `use` the archive of one of them, with the bytes of the tensors in it.
  void with_object(std::string_view name,
                   const std::function<void(const TorchArchive&)>& use) const;
  /// Decodes one of them. Tensors inside are data: see torch_archive.h.
  pickle::Value read_object(std::string_view name) const;

  /// The common state: from common.pt, else from the object `common_state/shard_0_1`.
  const std::optional<pickle::Value>& common() const;
  /// `content_metadata` of the common state.
  std::optional<pickle::Value> content_metadata() const;
  /// `iteration` of the common state.
  std::optional<int64_t> iteration() const;
  /// What train_state.pt of the directory holds, if there is one.
  std::optional<TrainState> train_state() const;

 private:
  struct Parts;
  explicit TorchDistSource(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// Says whether `directory` looks like one iteration of a torch_dist checkpoint.
bool is_torch_dist(const std::filesystem::path& directory);

}  // namespace bascule
