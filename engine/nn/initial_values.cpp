#include "nn/initial_values.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <span>

#include "base/check.h"
#include "base/hash.h"

namespace bascule {
namespace {

using Words = std::array<uint32_t, 4>;

/// Philox4x32 with ten rounds.
Words philox(Words counter, uint64_t key) {
  auto first = static_cast<uint32_t>(key), second = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ first, static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ second, static_cast<uint32_t>(a)};
    first += 0x9E3779B9;
    second += 0xBB67AE85;
  }
  return counter;
}

constexpr int64_t kGrain = int64_t{1} << 12;  // values that a thread computes at a time

/// (0, 1], with all bits of the word.
double unit(uint32_t word) { return (static_cast<double>(word) + 1) / 4294967296.0; }

uint64_t stream_of(const std::string& id) {
  Hasher hasher;
  hasher.update(std::as_bytes(std::span(id)));
  return std::stoull(hasher.hex().substr(0, 16), nullptr, 16);
}

}  // namespace

InitialValues::InitialValues(const Slots& slots, uint64_t seed, double std, int64_t layers)
    : seed_(seed) {
  const double scaled = std / std::sqrt(2.0 * static_cast<double>(std::max<int64_t>(1, layers)));
  for (const Slot& slot : slots.all()) {
    Rule rule{.stream = stream_of(slot.id)};
    switch (slot.init) {
      case Slot::Init::normal:
        rule.std = std;
        break;
      case Slot::Init::scaled_normal:
        rule.std = scaled;
        break;
      case Slot::Init::one:
        rule.constant = 1;
        break;
      case Slot::Init::zero:
        break;
      case Slot::Init::other:
        fail(Kind::unsupported, "training does not know how to start {} from random values",
             slot.id);
    }
    rules_.push_back(rule);
    infos_.push_back({slot.id, DType::f32, slot.shape});
  }
  // A source lists its tensors by name.
  std::vector<size_t> order(infos_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](size_t i) { return infos_[i].name; });
  std::vector<TensorInfo> infos;
  std::vector<Rule> rules;
  for (const size_t i : order) {
    infos.push_back(infos_[i]);
    rules.push_back(rules_[i]);
  }
  infos_ = std::move(infos);
  rules_ = std::move(rules);
}

std::array<float, 4> InitialValues::four(const Rule& rule, int64_t group) const {
  std::array<float, 4> values;
  values.fill(static_cast<float>(rule.constant));
  if (rule.std == 0) return values;
  const auto counter = static_cast<uint64_t>(group);
  const Words words =
      philox({static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32),
              static_cast<uint32_t>(rule.stream), static_cast<uint32_t>(rule.stream >> 32)},
             seed_);
  for (size_t pair = 0; pair < 4; pair += 2) {
    const double radius = std::sqrt(-2 * std::log(unit(words[pair])));
    const double angle = 2 * std::numbers::pi * unit(words[pair + 1]);
    values[pair] = static_cast<float>(rule.std * radius * std::cos(angle));
    values[pair + 1] = static_cast<float>(rule.std * radius * std::sin(angle));
  }
  return values;
}

void InitialValues::read(size_t index, const Box& box, std::span<std::byte> out) const {
  const Shape steps = strides(infos_[index].shape);
  const Shape own = strides(box.extent);
  const int64_t count = elements(box.extent);
  require(out.size() == static_cast<size_t>(count) * sizeof(float), Kind::internal,
          "{}: {} bytes for {} values", infos_[index].name, out.size(), count);
  const int64_t width = box.extent.empty() ? 1 : box.extent.back();  // neighbours, as in the slot
  at::parallel_for(0, count, kGrain, [&](int64_t begin, int64_t end) {
    std::array<float, 4> values{};
    int64_t held = -1;  // the group that `values` are
    for (int64_t i = begin, run = 0; i < end; i += run) {
      int64_t rest = i, first = 0;
      for (size_t d = 0; d < steps.size(); ++d) {
        first += (box.at[d] + rest / own[d]) * steps[d];
        rest %= own[d];
      }
      run = std::min(end - i, width - i % width);
      for (int64_t j = 0; j < run; ++j) {
        const int64_t at = first + j;
        if (at / 4 != held) values = four(rules_[index], held = at / 4);
        std::memcpy(out.data() + static_cast<size_t>(i + j) * sizeof(float),
                    &values[static_cast<size_t>(at % 4)], sizeof(float));
      }
    }
  });
}

}  // namespace bascule
