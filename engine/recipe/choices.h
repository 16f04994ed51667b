// Settings that are one of several names, spelled as Megatron spells them. Constant tables.
#pragma once

#include <span>

#include "settings/config_io.h"

namespace bascule {

enum class DecayStyle { constant, linear, cosine, inverse_square_root, wsd };
inline constexpr Spelling<DecayStyle> kDecayStyles[] = {
    {"constant", DecayStyle::constant},
    {"linear", DecayStyle::linear},
    {"cosine", DecayStyle::cosine},
    {"inverse-square-root", DecayStyle::inverse_square_root},
    {"WSD", DecayStyle::wsd}};
inline std::span<const Spelling<DecayStyle>> spellings(DecayStyle) { return kDecayStyles; }

/// How WSD (warm up, stay, decay) decays at the end.
enum class AnnealingStyle { exponential, linear, cosine, minus_sqrt };
inline constexpr Spelling<AnnealingStyle> kAnnealingStyles[] = {
    {"exponential", AnnealingStyle::exponential},
    {"linear", AnnealingStyle::linear},
    {"cosine", AnnealingStyle::cosine},
    {"minus_sqrt", AnnealingStyle::minus_sqrt}};
inline std::span<const Spelling<AnnealingStyle>> spellings(AnnealingStyle) {
  return kAnnealingStyles;
}

/// How weight decay grows.
enum class IncreaseStyle { constant, linear, cosine };
inline constexpr Spelling<IncreaseStyle> kIncreaseStyles[] = {{"constant", IncreaseStyle::constant},
                                                              {"linear", IncreaseStyle::linear},
                                                              {"cosine", IncreaseStyle::cosine}};
inline std::span<const Spelling<IncreaseStyle>> spellings(IncreaseStyle) { return kIncreaseStyles; }

enum class OptimizerKind { adam };
inline constexpr Spelling<OptimizerKind> kOptimizerKinds[] = {{"adam", OptimizerKind::adam}};
inline std::span<const Spelling<OptimizerKind>> spellings(OptimizerKind) { return kOptimizerKinds; }

/// fp32 throughout is none of these.
enum class MixedPrecision { bf16 };
inline constexpr Spelling<MixedPrecision> kMixedPrecisions[] = {
    {"bf16_mixed", MixedPrecision::bf16}, {"bf16-mixed", MixedPrecision::bf16}};
inline std::span<const Spelling<MixedPrecision>> spellings(MixedPrecision) {
  return kMixedPrecisions;
}

enum class RecomputeGranularity { selective, full };
inline constexpr Spelling<RecomputeGranularity> kRecomputeGranularities[] = {
    {"selective", RecomputeGranularity::selective}, {"full", RecomputeGranularity::full}};
inline std::span<const Spelling<RecomputeGranularity>> spellings(RecomputeGranularity) {
  return kRecomputeGranularities;
}

enum class RecomputeMethod { uniform, block };
inline constexpr Spelling<RecomputeMethod> kRecomputeMethods[] = {
    {"uniform", RecomputeMethod::uniform}, {"block", RecomputeMethod::block}};
inline std::span<const Spelling<RecomputeMethod>> spellings(RecomputeMethod) {
  return kRecomputeMethods;
}

/// Which tokens an expert drops that has more than its capacity.
enum class TokenDropPolicy { probs, position };
inline constexpr Spelling<TokenDropPolicy> kTokenDropPolicies[] = {
    {"probs", TokenDropPolicy::probs}, {"position", TokenDropPolicy::position}};
inline std::span<const Spelling<TokenDropPolicy>> spellings(TokenDropPolicy) {
  return kTokenDropPolicies;
}

enum class TokenizerType { none, hugging_face };
inline constexpr Spelling<TokenizerType> kTokenizerTypes[] = {
    {"NullTokenizer", TokenizerType::none}, {"HuggingFaceTokenizer", TokenizerType::hugging_face}};
inline std::span<const Spelling<TokenizerType>> spellings(TokenizerType) { return kTokenizerTypes; }

enum class CheckpointFormat { torch_dist };
inline constexpr Spelling<CheckpointFormat> kCheckpointFormats[] = {
    {"torch_dist", CheckpointFormat::torch_dist}};
inline std::span<const Spelling<CheckpointFormat>> spellings(CheckpointFormat) {
  return kCheckpointFormats;
}

/// The name that is written for a value.
template <class E>
std::string_view spelled(E value) {
  for (const Spelling<E>& spelling : spellings(value))
    if (spelling.value == value) return spelling.text;
  return "";
}

}  // namespace bascule
