// Samples for a language model, cut from one dataset as Megatron's GPTDataset cuts them.
//
// A value that is cheap to copy: copies share the arrays and the mapped files. Immutable; any
// number of threads may read.
#pragma once

#include <filesystem>
#include <memory>
#include <variant>

#include "data/description.h"
#include "data/gpt_indices.h"
#include "data/indexed_dataset.h"
#include "data/mock_corpus.h"

namespace bascule {

/// Sequences of tokens: a dataset on disk, or made up.
using Corpus = std::variant<IndexedDataset, MockCorpus>;

/// How the tokens of a sample become what a model is trained on.
struct SampleRules {
  int64_t sequence_length = 0;
  bool extra_token = true;  ///< false: the last label is padding, which is not trained on
  int64_t vocabulary = 0;   ///< tokens must lie below; 0: not checked
  int64_t end_of_document = -1;
  int64_t padding = -1;             ///< an id that data may hold, whose labels are not trained on
  bool reset_position_ids = false;  ///< positions begin again behind an end of document
  bool eod_mask_loss = false;       ///< no loss where the input is an end of document
};

/// Where a sample goes: sequence_length elements each.
struct SampleView {
  std::span<int64_t> tokens, labels, position_ids;
  std::span<float> loss_mask;
};

class GptDataset {
 public:
  /// Builds the indices, or takes them from `cache_folder` (none: no cache). `description` holds
  /// what the order follows from; `sequences` are those of its split.
  GptDataset(std::shared_ptr<const Corpus> corpus, GptDescription description,
             SequenceRange sequences, const SampleRules& rules, bool drop_last_partial,
             const std::optional<std::filesystem::path>& cache_folder);

  int64_t size() const { return indices_.shuffle.size(); }
  const SampleRules& rules() const { return rules_; }
  const EpochPlan& plan() const { return plan_; }
  const GptIndices& indices() const { return indices_; }
  const GptDescription& description() const { return description_; }

  /// Writes sample `index`, from 0 to size() - 1. Throws Error{format} for a token beyond the
  /// vocabulary, Error{internal} for an index or a view out of bounds.
  void read(int64_t index, const SampleView& out) const;

 private:
  std::vector<int64_t> text(int64_t sample) const;
  void read_part(int64_t sequence, int64_t first, std::span<int64_t> out) const;

  std::shared_ptr<const Corpus> corpus_;
  GptDescription description_;
  SampleRules rules_;
  EpochPlan plan_;
  GptIndices indices_;
};

int64_t sequences_in(const Corpus& corpus);
int64_t length_in(const Corpus& corpus, int64_t sequence);

/// Where documents begin in a row of tokens: at 0, and behind each end of document.
std::vector<int64_t> document_starts(std::span<const int64_t> tokens, int64_t end_of_document);
/// Where its own begins, for each token of the row: with Megatron's reset_attention_mask it sees
/// nothing before.
std::vector<int64_t> own_document_starts(std::span<const int64_t> tokens, int64_t end_of_document);

}  // namespace bascule
