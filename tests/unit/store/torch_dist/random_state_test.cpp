#include "store/torch_dist/random_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bascule/error.h"
#include "store/torch_dist/tensor_pickle.h"
#include "store/torch_dist/torch_dist_output.h"
#include "store/torch_dist/torch_file.h"
#include "unit/store/torch_dist/write_checkpoint.h"

namespace bascule {
namespace {

using pickle::Value;
using testing::HasSubstr;

constexpr uint64_t kShort = 1234, kLong = (uint64_t{1} << 40) + 7;  // of data/random_states.py

/// A checkpoint with one object.
std::optional<RandomState> read(const std::string& name, const std::string& archive) {
  TorchDistRequest request;
  request.common = common_state(0);
  request.objects = {{name, archive}};
  const TemporaryDirectory directory;
  write_checkpoint(torch_dist_output(request), MemorySource(), directory.path());
  return read_random_state(*TorchDistSource::open(directory.path()));
}

RandomState stored(const std::string& archive) { return read(kRandomStateObject, archive).value(); }

RandomState in_file(const std::string& name) {
  return stored(contents("tests/unit/store/torch_dist/data/" + name));
}

TEST(RandomState, IsSeededAsPythonNumpyAndTorchAre) {
  EXPECT_EQ(seeded_random_state(kShort), in_file("rng_fresh.pt"));
  RandomState seeded = seeded_random_state(kLong);
  EXPECT_EQ(seeded.named.size(), 3u);
  seeded.named.clear();
  EXPECT_EQ(seeded, in_file("rng_long.pt"));
}

TEST(RandomState, HoldsWhatWasDrawn) {
  const RandomState drawn = in_file("rng_drawn.pt"), before = in_file("rng_long.pt");
  EXPECT_EQ(drawn.python.position, 4);  // two numbers of two words
  EXPECT_EQ(drawn.python.next_normal, -1.2034467781077498);
  EXPECT_EQ(drawn.numpy.position, 8);
  EXPECT_EQ(drawn.numpy.next_normal, -0.4659373705408328);
  EXPECT_NE(drawn.torch, before.torch);
  EXPECT_EQ(drawn.torch.size(), before.torch.size());
  ASSERT_EQ(drawn.named.size(), 1u);
  EXPECT_EQ(drawn.named[0].first, "model-parallel-rng");
  EXPECT_EQ(drawn.named[0].second, std::string("\5\0\0\0\0\0\0\0\10\0\0\0\0\0\0\0", 16));
}

TEST(RandomState, ComesBack) {
  for (const char* name : {"rng_fresh.pt", "rng_long.pt", "rng_drawn.pt"}) {
    const RandomState state = in_file(name);
    EXPECT_EQ(stored(random_state_archive(state)), state) << name;
  }
}

TEST(RandomState, OfOtherLayoutsIsNone) {
  const std::string archive = random_state_archive(seeded_random_state(1));
  for (const char* name : {"rng_state/shard_0.0_2.1", "rng_state/shard_0.0.1_1.1.2", "a/shard_0_1"})
    EXPECT_FALSE(read(name, archive)) << name;
}

/// The object with one part in place of its own.
struct Part {
  const char* key;
  Value value = {};
  std::optional<int64_t> bytes = {};  // a tensor of so many, in place of a value
};

std::string archive_with(const Part& part) {
  std::vector<Value> words(624, 1);
  const Value numpy = Value::list(words);
  words.push_back(624);
  const Value python = Value::tuple({3, Value::tuple(words), Value()});
  const std::pair<const char*, Value> values[] = {
      {"random_rng_state", python},
      {"np_rng_state", Value::tuple({"MT19937", numpy, 624, 0, 0.0})},
  };
  const std::pair<const char*, int64_t> tensors[] = {{"torch_rng_state", 5056},
                                                     {"cuda_rng_state", 16}};
  TorchFile file("archive");
  pickle::Writer& pickle = file.pickle();
  const auto tensor = [&](int64_t bytes) {
    write_tensor(pickle, DType::u8, {bytes},
                 file.add_storage(std::string(static_cast<size_t>(bytes), 'x')));
  };
  const auto put = [&](const char* key, auto usual) {
    pickle.string(key);
    if (std::string_view(part.key) != key)
      usual();
    else
      part.bytes ? tensor(*part.bytes) : pickle.value(part.value);
  };
  pickle.begin_list();
  pickle.begin_list();
  pickle.begin_dict();
  for (const auto& [key, value] : values) put(key, [&, held = value] { pickle.value(held); });
  for (const auto& [key, bytes] : tensors) put(key, [&, size = bytes] { tensor(size); });
  put("rng_tracker_states", [&] { pickle.value(Value::dict({})); });
  pickle.end_dict();
  pickle.end_list();
  pickle.end_list();
  return file.finish();
}

Value numpy_with(const Value& words) { return Value::tuple({"MT19937", words, 624, 0, 0.0}); }

/// A pickled array of numpy.
Value array(const char* type, const Value& bytes) {
  const Value dtype =
      Value::object(Value::global("numpy", "dtype"), Value::tuple({type, false, true}),
                    Value::tuple({3, "<", Value(), Value(), Value(), -1, -1, 0}));
  return Value::object(Value::global("numpy._core.multiarray", "_reconstruct"), Value::tuple({}),
                       Value::tuple({1, Value::tuple({624}), dtype, false, bytes}));
}

TEST(RandomState, RefusesWhatIsNone) {
  EXPECT_NO_THROW(stored(archive_with({""})));
  const std::vector<Value> few(623, 1);
  std::vector<Value> wide(624, 1), far(624, 1);
  wide[5] = int64_t{1} << 32;
  far.push_back(625);
  std::vector<Value> negative(625, -1);
  std::vector<std::pair<Value, Value>> many;
  many.reserve(65);
  for (int i = 0; i < 65; ++i) many.emplace_back(i, i);
  const struct {
    const char* what;
    Part part;
    const char* message;
  } rows[] = {
      {"no tuple", {"random_rng_state", 7}, "expected to be a tuple, found int"},
      {"a part too few", {"random_rng_state", Value::tuple({3, 3})}, "have 2 members, not 3"},
      {"another version", {"random_rng_state", Value::tuple({2, 3, 3})}, "not of version 3"},
      {"no position",
       {"random_rng_state", Value::tuple({3, Value::tuple(few), Value()})},
       "have 623 members, not 625"},
      {"a negative word",
       {"random_rng_state", Value::tuple({3, Value::tuple(negative), Value()})},
       "-1 is no word"},
      {"a far position",
       {"random_rng_state", Value::tuple({3, Value::tuple(far), Value()})},
       "the position is 625"},
      {"another generator", {"np_rng_state", Value::tuple({"PCG64", 1, 2, 0, 0.0})}, "no MT19937"},
      {"a short list", {"np_rng_state", numpy_with(Value::list(few))}, "have 623 members, not 624"},
      {"a wide word", {"np_rng_state", numpy_with(Value::list(wide))}, "4294967296 is no word"},
      {"an array of floats",
       {"np_rng_state", numpy_with(array("f4", Value::bytes("x")))},
       "an array of uint32"},
      {"a short array",
       {"np_rng_state", numpy_with(array("u4", Value::bytes("\xff\x01xx")))},
       "624 words are expected, found 4 bytes"},
      {"an array of nothing", {"np_rng_state", numpy_with(array("u4", 5))}, "bytes of an array"},
      {"a call", {"np_rng_state", numpy_with(Value::global("os", "system"))}, "to be a tuple"},
      {"a short state of torch", {"torch_rng_state", {}, 5055}, "5056 bytes are expected"},
      {"no tensor", {"torch_rng_state", "x"}, "a tensor is expected"},
      {"a long state of a GPU", {"cuda_rng_state", {}, 17}, "16 bytes are expected"},
      {"no dict", {"rng_tracker_states", 1}, "a dict of at most 64 states"},
      {"many names", {"rng_tracker_states", Value::dict(many)}, "a dict of at most 64 states"},
      {"a number for a name", {"rng_tracker_states", Value::dict({{1, 1}})}, "a str belongs"},
      {"no state of a name", {"rng_tracker_states", Value::dict({{"a", 1}})}, "\"a\": a tensor"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    try {
      stored(archive_with(row.part));
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::format);
      EXPECT_THAT(error.what(), HasSubstr(row.message));
      EXPECT_THAT(error.what(), HasSubstr(row.part.key));
      EXPECT_THAT(error.what(), HasSubstr(kRandomStateObject));
    }
  }
}

TEST(RandomState, RefusesAnObjectWithoutStates) {
  for (const Value& value : {Value(), Value::list({}), Value::list({Value::list({})}),
                             Value::list({Value::list({Value::dict({})})})})
    EXPECT_THROW(stored(torch_file("archive", value)), Error);
}

}  // namespace
}  // namespace bascule
