#include "store/torch_dist/train_state.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "base/check.h"
#include "store/torch_dist/tensor_pickle.h"
#include "store/torch_dist/torch_file.h"
#include "store/torch_dist/zip_layout.h"

namespace bascule {
namespace {

// The keys in Bridge's order: counters, one float, flags.
constexpr std::array<std::pair<const char*, int64_t TrainState::*>, 4> kCounters = {{
    {"step", &TrainState::step},
    {"consumed_train_samples", &TrainState::consumed_train_samples},
    {"skipped_train_samples", &TrainState::skipped_train_samples},
    {"consumed_valid_samples", &TrainState::consumed_valid_samples},
}};
constexpr const char* kOperations = "floating_point_operations_so_far";
constexpr std::array<std::pair<const char*, bool TrainState::*>, 3> kFlags = {{
    {"do_train", &TrainState::do_train},
    {"do_valid", &TrainState::do_valid},
    {"do_test", &TrainState::do_test},
}};

}  // namespace

TrainState train_state_of(const TorchArchive& archive) {
  TrainState state;
  const auto scalar = [&](const char* key) {
    return in_context(key, [&] { return archive.scalar(archive.value()[key]); });
  };
  for (const auto& [key, member] : kCounters) state.*member = scalar(key).integer();
  state.floating_point_operations_so_far = scalar(kOperations).number();
  for (const auto& [key, member] : kFlags) state.*member = scalar(key).boolean();
  return state;
}

TrainState read_train_state(const std::filesystem::path& file) {
  const TorchArchive archive = open_torch_file(file);
  return in_context(file.string(), [&] { return train_state_of(archive); });
}

std::string train_state_archive(const TrainState& state) {
  TorchFile file("train_state");
  pickle::Writer& pickle = file.pickle();
  pickle.begin_dict();
  const auto tensor = [&](const char* key, DType dtype, std::string data) {
    pickle.string(key);
    write_tensor(pickle, dtype, {}, file.add_storage(std::move(data)));
  };
  const auto raw = [](auto value) {
    std::string data;
    zip::append(data, value);
    return data;
  };
  for (const auto& [key, member] : kCounters) {
    const int64_t value = state.*member;
    // Bridge 0.3.1 writes int32; readers take any integer.
    if (value == static_cast<int32_t>(value))
      tensor(key, DType::i32, raw(static_cast<int32_t>(value)));
    else
      tensor(key, DType::i64, raw(value));
  }
  tensor(kOperations, DType::f32, raw(static_cast<float>(state.floating_point_operations_so_far)));
  for (const auto& [key, member] : kFlags)
    tensor(key, DType::boolean, raw(static_cast<uint8_t>(state.*member)));
  pickle.end_dict();
  return file.finish();
}

}  // namespace bascule
