// Launches of the CUDA kernels: raw device pointers, sizes and a stream, so that what includes this
// needs neither ATen nor nvcc. Each returns at once; errors are cudaGetLastError()'s. Sizes are in
// elements, arrays dense unless strides are given. Sums are made in an order of their own, the same
// in every run.
#pragma once

#include <driver_types.h>

#include <cstdint>

#include "kernels/cuda/update_rules.h"

namespace bascule::cuda {

enum class Stored { f32, bf16 };

/// An array of T or bf16, by what `Stored` says next to it.
struct Array {
  void* data = nullptr;
  Stored type = Stored::f32;
};

enum class Curve { silu, gelu, gelu_tanh, quick_gelu, relu, relu2 };

struct ActivationShape {
  int64_t rows = 0;
  int64_t width = 0;  // of the result
  bool gated = false;
};
/// y [rows, width] of x [rows, width], or, gated, of [rows, 2 width].
void activation_forward(Curve curve, const ActivationShape& shape, Array x, Array y, cudaStream_t);
void activation_backward(Curve curve, const ActivationShape& shape, Array dy, Array x, Array dx,
                         cudaStream_t);

/// [tokens, groups, heads, dim], the last dense.
struct HeadsShape {
  int64_t tokens = 0;
  int groups = 0, heads = 0, dim = 0;
};
struct HeadsStrides {
  int64_t token = 0, group = 0, head = 0;
};

/// Rows of y, dy and what is added are dense; those of x and dx are the heads of tokens, groups *
/// heads a token, and lie where `strides` say.
struct NormShape {
  int64_t rows = 0;
  int width = 0;
  float eps = 0;
  float centre = 0;  // the gain is centre + w
  int groups = 1, heads = 1;
  HeadsStrides strides;
};
/// `scales` [rows]: 1 / sqrt(mean of squares + eps). w is of x's dtype or fp32.
void rms_forward(const NormShape& shape, Array x, Array w, Array y, float* scales, cudaStream_t);

/// Where `plus` is given, it is added to dx. `partial` is [rms_parts(shape), width] of scratch.
struct RmsBackward {
  Array dy, x, w, plus, dx;
  const float* scales = nullptr;
  float* partial = nullptr;
  float* dw = nullptr;
};
int rms_parts(const NormShape& shape);
void rms_backward(const NormShape& shape, const RmsBackward& arrays, cudaStream_t);

struct Turn {
  Array in, out;
  HeadsStrides in_strides, out_strides;
  const float *cosines = nullptr, *sines = nullptr;  // [tokens, half]
  int half = 0;
  float sign = 1;
};
void turn(const HeadsShape& shape, const Turn& arrays, cudaStream_t);

/// As bascule::cross_entropy(); `soft_cap` 0: none. Without `gradient` the logits stay.
struct CrossEntropy {
  Array logits;
  const int64_t* labels = nullptr;
  const float* weights = nullptr;
  float* losses = nullptr;
  int64_t rows = 0, vocabulary = 0;
  float soft_cap = 0, scale = 1;
  bool gradient = false;
};
void cross_entropy(const CrossEntropy& arrays, cudaStream_t);

/// Adds factor * dy[order[i]] to row tokens[i] of the gradient; `tokens` ascend.
struct EmbeddingBackward {
  float* gradient = nullptr;
  Array dy;
  const int64_t *tokens = nullptr, *order = nullptr;
  int64_t count = 0, width = 0;
  float factor = 1;
};
void embedding_backward(const EmbeddingBackward& arrays, cudaStream_t);

/// Scores and choices as bascule::route() makes them, or in turn, of at most so many experts and
/// choices; `bias` [experts] may be missing.
inline constexpr int kRoutedExperts = 512, kRoutedChoices = 32;
struct RouteShape {
  int64_t tokens = 0;
  int experts = 0, top_k = 0;
  bool sigmoid = false, normalised = false, in_turn = false;
  float scale = 1;
};
struct Route {
  Array logits;
  const float* bias = nullptr;
  float* scores = nullptr;
  int64_t* experts = nullptr;
  float* weights = nullptr;
};
void route(const RouteShape& shape, const Route& arrays, cudaStream_t);

/// The gradient of the logits, [tokens, experts]: for that of the weights, or, without `dweights`,
/// as bascule::balance_backward(): `chosen` [groups, experts] times `factor` for the probabilities.
struct RouteBackward {
  const float *scores = nullptr, *weights = nullptr, *dweights = nullptr;
  const int64_t* experts = nullptr;
  const float* chosen = nullptr;
  int64_t group = 1;  // tokens
  float factor = 0;
  float* dlogits = nullptr;
};
void route_backward(const RouteShape& shape, const RouteBackward& arrays, cudaStream_t);

/// Who goes to which expert, as bascule::Dispatch. `kept`, where given, says which entries go at
/// all. `partial` is [dispatch_parts(entries), experts + 1] of scratch.
struct DispatchShape {
  int64_t entries = 0;
  int experts = 0;
};
struct DispatchArrays {
  const int64_t* experts = nullptr;
  const bool* kept = nullptr;
  int *ends = nullptr, *entries = nullptr, *rows = nullptr;
  int* partial = nullptr;
};
int dispatch_parts(int64_t entries);
void dispatch(const DispatchShape& shape, const DispatchArrays& arrays, cudaStream_t);

/// Rows of `width` between tokens and experts, as in kernels/dispatch.h; `ends` [experts].
struct RowsShape {
  int64_t tokens = 0, width = 0;
  int top_k = 0, experts = 0;
};
void gather(const RowsShape& shape, Array tokens, const int* entries, Array out, cudaStream_t);

/// `weights` [tokens, top_k] may be missing; out [tokens, width].
constexpr int kMostPlus = 3;
struct Combine {
  Array parts;
  const int *ends = nullptr, *rows = nullptr;
  const float* weights = nullptr;
  Array out;                         // of parts' type
  const void* plus[kMostPlus] = {};  // as `out`; the first null one ends them
};
void combine(const RowsShape& shape, const Combine& arrays, cudaStream_t);

struct Weigh {
  Array inner, values;  // are multiplied
  const int *ends = nullptr, *entries = nullptr;
  const float* weights = nullptr;
  float* dweights = nullptr;
};
void weigh(const RowsShape& shape, const Weigh& arrays, cudaStream_t);

/// Adds dy^T x of the rows of expert e, in bf16, to the matrix at gradients + e * apart. `in`,
/// `out` and `apart` are whole multiples of 8, arrays aligned to 16 bytes.
struct GroupedProducts {
  float* gradients = nullptr;  // [experts, out, in]
  int64_t apart = 0;
  const void *dy = nullptr, *x = nullptr;  // bf16 [rows, out], [rows, in]
  const int* ends = nullptr;
  int64_t rows = 0;
  int experts = 0, in = 0, out = 0;
  bool overwrites = false;    // rather than adds
  double* squares = nullptr;  // [experts, squares_each] zeros: come to be sums of squares
  int squares_each = 0;       // grouped_sums()
};
/// Enough for tiles of 128 x 128, and for pairs of 256 x 128.
constexpr int grouped_sums(int in, int out) { return (in + 255) / 256 * ((out + 255) / 256) * 4; }
void add_grouped_products(const GroupedProducts& arrays, cudaStream_t);
/// The same for GPUs of compute capability 9.0, of any rows. False: this one has to do without.
bool add_grouped_products_hopper(const GroupedProducts& arrays, cudaStream_t);

/// As bascule::adamw(), over an arena of ranges: [begin, ends[i]) each, from 0 to count. bf16
/// values are the upper halves of masters, and come with `remainders` (masters.h). Nothing is
/// changed where *scale, which multiplies gradients, is not a number.
struct AdamWArena {
  Array values;
  int16_t* remainders = nullptr;
  float *gradients = nullptr, *first = nullptr, *second = nullptr;
  int64_t count = 0;
  const int64_t* ends = nullptr;
  const uint8_t* rules = nullptr;  // kDecays, kClears
  int ranges = 0;
  const double* scale = nullptr;
};
struct AdamWRates {
  float keep = 1;  // of a parameter that decays
  float beta1 = 0, beta2 = 0, rest1 = 0, rest2 = 0;
  float size = 0, root = 1, eps = 0;
};
void adamw(const AdamWArena& arena, const AdamWRates& rates, cudaStream_t);

/// `partial` is [kSquareParts] of scratch.
inline constexpr int kSquareParts = 1024;
void sum_of_squares(const float* values, int64_t count, double* partial, double* sum, cudaStream_t);

}  // namespace bascule::cuda
