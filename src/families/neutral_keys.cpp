#include "families/neutral_keys.h"

#include <fmt/format.h>

namespace bascule {
namespace {

/// Dropout acts in training alone, so that another rate is no other model; but a training that goes
/// on from here would not have it.
void no_dropout(ConfigIo& io, std::string_view key) {
  const Tree* rate = io.asked(key);
  if (!rate || rate->is_null()) return;
  const bool number = rate->type() == Tree::Type::integer || rate->type() == Tree::Type::real;
  if (number && rate->real() == 0) return;
  io.unsupported(key, *rate,
                 fmt::format("only 0.0 is supported. Dropout acts in training only and is not "
                             "passed on; to convert without it: --ignore-key {}",
                             io.path(key)));
}

}  // namespace

void neutral_keys(ConfigIo& io) {
  // Where the file comes from, and how it was written.
  io.known({"transformers_version", "_name_or_path", "name_or_path", "_commit_hash",
            "transformers.js_config", "unsloth_version", "unsloth_fixed", "finetuning_task",
            "task_specific_params"});
  // Tokens.
  io.known({"bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "unk_token_id",
            "cls_token_id", "mask_token_id", "decoder_start_token_id", "tokenizer_class",
            "prefix"});
  // How transformers runs the model, and what it returns.
  io.known({"use_cache", "cache_implementation", "attn_implementation", "_attn_implementation",
            "_attn_implementation_autoset", "return_dict", "output_attentions",
            "output_hidden_states", "output_scores", "return_dict_in_generate", "torchscript",
            "gradient_checkpointing", "keys_to_ignore_at_inference", "base_model_tp_plan",
            "base_model_pp_plan", "base_model_ep_plan", "chunk_size_feed_forward",
            "tf_legacy_loss"});
  // Heads for classification, which these architectures lack.
  io.known({"id2label", "label2id", "num_labels", "problem_type"});
  // How text is generated. transformers 4 wrote these down for every model.
  io.known({"max_length",
            "min_length",
            "max_new_tokens",
            "do_sample",
            "early_stopping",
            "num_beams",
            "num_beam_groups",
            "diversity_penalty",
            "temperature",
            "top_k",
            "top_p",
            "typical_p",
            "repetition_penalty",
            "length_penalty",
            "no_repeat_ngram_size",
            "encoder_no_repeat_ngram_size",
            "bad_words_ids",
            "num_return_sequences",
            "forced_bos_token_id",
            "forced_eos_token_id",
            "remove_invalid_values",
            "exponential_decay_length_penalty",
            "suppress_tokens",
            "begin_suppress_tokens"});

  for (const std::string_view dropout :
       {"attention_dropout", "hidden_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop",
        "residual_dropout", "embedding_dropout", "classifier_dropout"})
    no_dropout(io, dropout);
  for (const std::string_view off : {"is_encoder_decoder", "is_decoder", "add_cross_attention",
                                     "tie_encoder_decoder", "use_bfloat16"})
    io.neutral(off, {false});
  io.neutral("cross_attention_hidden_size", {Tree()});
  io.neutral("pruned_heads", {Tree::map()});
  io.neutral("pretraining_tp", {1});
}

}  // namespace bascule
