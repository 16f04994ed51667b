#include "store/torch_dist/random_state.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/shown.h"
#include "store/torch_dist/tensor_pickle.h"
#include "store/torch_dist/torch_archive.h"
#include "store/torch_dist/torch_file.h"
#include "store/torch_dist/zip_layout.h"

namespace bascule {
namespace {

using pickle::Type;
using pickle::Value;

constexpr size_t kWords = 624;
constexpr int64_t kPythonVersion = 3;
// Bytes of torch's states; Megatron has three named ones.
constexpr int64_t kTorchBytes = 5056, kCudaBytes = 16;
constexpr size_t kMostNamed = 64;
// What Megatron-Core adds to the seed for the generators that it names.
constexpr std::pair<const char*, uint64_t> kNamed[] = {
    {"data-parallel-rng", 0}, {"model-parallel-rng", 2718}, {"expert-parallel-rng", 1024}};

uint32_t mixed(uint32_t word) { return word ^ (word >> 30); }

std::vector<uint32_t> twister_words(uint32_t seed) {
  std::vector<uint32_t> words(kWords);
  words[0] = seed;
  for (uint32_t i = 1; i < kWords; ++i) words[i] = 1812433253U * mixed(words[i - 1]) + i;
  return words;
}

/// Python's way: the twister's seeding by an array, which holds the 32-bit digits of the seed.
std::vector<uint32_t> python_words(uint64_t seed) {
  std::vector<uint32_t> key = {static_cast<uint32_t>(seed)};
  if (seed >> 32) key.push_back(static_cast<uint32_t>(seed >> 32));
  std::vector<uint32_t> words = twister_words(19650218);
  size_t i = 1, j = 0;
  const auto advance = [&] {
    if (++i < kWords) return;
    words[0] = words[kWords - 1];
    i = 1;
  };
  for (size_t k = 0; k < kWords; ++k) {
    words[i] = (words[i] ^ (mixed(words[i - 1]) * 1664525U)) + key[j] + static_cast<uint32_t>(j);
    advance();
    j = (j + 1) % key.size();
  }
  for (size_t k = 1; k < kWords; ++k) {
    words[i] = (words[i] ^ (mixed(words[i - 1]) * 1566083941U)) - static_cast<uint32_t>(i);
    advance();
  }
  words[0] = 0x80000000U;
  return words;
}

/// torch's record of its generator on the CPU, a struct of C++.
std::string torch_state(uint64_t seed) {
  std::string out;
  zip::append(out, seed);
  zip::append(out, int32_t{1});   // words until the next are made
  zip::append(out, int32_t{1});   // it is seeded
  zip::append(out, uint64_t{0});  // of the next word
  for (const uint32_t word : twister_words(static_cast<uint32_t>(seed)))
    zip::append(out, uint64_t{word});
  out.resize(static_cast<size_t>(kTorchBytes), '\0');  // no normal number was drawn
  return out;
}

/// Philox needs the seed and how far it was drawn.
std::string cuda_state(uint64_t seed) {
  std::string out;
  zip::append(out, seed);
  zip::append(out, uint64_t{0});
  return out;
}

uint32_t word_of(const Value& value) {
  const int64_t word = value.integer();
  require(word >= 0 && word <= std::numeric_limits<uint32_t>::max(), Kind::format,
          "{} is no word of 32 bits", word);
  return static_cast<uint32_t>(word);
}

int64_t position_of(const Value& value) {
  const int64_t position = value.integer();
  require(position >= 0 && position <= static_cast<int64_t>(kWords), Kind::format,
          "the position is {}, beyond {} words", position, kWords);
  return position;
}

void require_sequence(const Value& value, size_t size, const char* what) {
  const bool sequence = value.type() == Type::tuple || value.type() == Type::list;
  require(sequence, Kind::format, "{} are expected to be a tuple, found {}", what,
          pickle::name(value.type()));
  require(value.size() == size, Kind::format, "{} have {} members, not {}", what, value.size(),
          size);
}

/// random.getstate(): (version, (words..., position), normal)
RandomState::Twister python_state(const Value& value) {
  require_sequence(value, 3, "the parts of a state");
  require(value.at(0) == Value(kPythonVersion), Kind::format, "the state is not of version {}",
          kPythonVersion);
  const Value inner = value.at(1);
  require_sequence(inner, kWords + 1, "the words");
  RandomState::Twister state;
  for (size_t i = 0; i < kWords; ++i) state.words.push_back(word_of(inner.at(i)));
  state.position = position_of(inner.at(kWords));
  if (!value.at(2).is_none()) state.next_normal = value.at(2).number();
  return state;
}

/// The bytes of a pickled array of numpy: _reconstruct(...) with the state (version, shape, dtype,
/// fortran, bytes), where protocol 2 spells bytes as _codecs.encode(text, "latin1").
std::string array_bytes(const Value& array) {
  const Value state = array.state();
  require_sequence(state, 5, "the parts of an array");
  const Value dtype = state.at(2);
  require(dtype.type() == Type::object && dtype.name() == "dtype" && dtype.args().size() > 0 &&
              dtype.args().at(0) == Value("u4") && dtype.state().at(1) == Value("<"),
          Kind::format, "an array of uint32 is expected");
  const Value data = state.at(4);
  if (data.type() == Type::bytes) return std::string(data.bytes());
  require(data.is("_codecs", "encode") && data.type() == Type::object && data.args().size() == 2,
          Kind::format, "the bytes of an array are expected");
  const std::string_view text = data.args().at(0).string();
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<uint8_t>(text[i]);
    if (lead < 0x80) {
      bytes += text[i];
      continue;
    }
    require((lead & 0xfc) == 0xc0 && i + 1 < text.size(), Kind::format,
            "the bytes of an array are no Latin-1");
    bytes += static_cast<char>((lead << 6) | (static_cast<uint8_t>(text[++i]) & 0x3f));
  }
  return bytes;
}

/// numpy.random.get_state(): ("MT19937", words, position, has a normal, normal). The words are an
/// array, or a list as we write it.
RandomState::Twister numpy_state(const Value& value) {
  require_sequence(value, 5, "the parts of a state");
  require(value.at(0) == Value("MT19937"), Kind::format, "the generator is no MT19937");
  RandomState::Twister state;
  const Value words = value.at(1);
  if (words.type() == Type::object) {
    const std::string bytes = array_bytes(words);
    require(bytes.size() == kWords * sizeof(uint32_t), Kind::format,
            "{} words are expected, found {} bytes", kWords, bytes.size());
    zip::Fields fields(bytes);
    for (size_t i = 0; i < kWords; ++i) state.words.push_back(fields.u32());
  } else {
    require_sequence(words, kWords, "the words");
    for (size_t i = 0; i < kWords; ++i) state.words.push_back(word_of(words.at(i)));
  }
  state.position = position_of(value.at(2));
  if (value.at(3).integer() != 0) state.next_normal = value.at(4).number();
  return state;
}

std::string tensor_bytes(const TorchArchive& archive, const Value& value, int64_t size) {
  const SavedTensor tensor = saved_tensor(value);
  require(tensor.dtype == DType::u8 && tensor.shape == Shape{size}, Kind::format,
          "{} bytes are expected, found {} of shape {}", size, torch_name(tensor.dtype),
          to_string(tensor.shape));
  return archive.data(tensor);
}

}  // namespace

// The object is the list of what a checkpoint object has; a list of data-parallel ranks, of which
// all but with data_parallel_random_init have one; a rank's states.
RandomState random_state_of(const TorchArchive& archive) {
  const Value given = archive.value().at(0).at(0);
  RandomState state;
  const auto part = [&](const char* key, auto read) { in_context(key, [&] { read(given[key]); }); };
  part("random_rng_state", [&](const Value& value) { state.python = python_state(value); });
  part("np_rng_state", [&](const Value& value) { state.numpy = numpy_state(value); });
  part("torch_rng_state",
       [&](const Value& value) { state.torch = tensor_bytes(archive, value, kTorchBytes); });
  part("cuda_rng_state",
       [&](const Value& value) { state.cuda = tensor_bytes(archive, value, kCudaBytes); });
  part("rng_tracker_states", [&](const Value& all) {
    require(all.type() == Type::dict && all.size() <= kMostNamed, Kind::format,
            "a dict of at most {} states is expected, found {}", kMostNamed,
            pickle::name(all.type()));
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string name(all.key(i).string());
      in_context(shown(name), [&] {
        state.named.emplace_back(name, tensor_bytes(archive, all.value(i), kCudaBytes));
      });
    }
  });
  return state;
}

RandomState seeded_random_state(uint64_t seed) {
  RandomState state;
  state.python = {python_words(seed), kWords, {}};
  // numpy takes seeds of 32 bits only, so that Megatron has no run with a longer one.
  state.numpy = {twister_words(static_cast<uint32_t>(seed)), kWords, {}};
  state.torch = torch_state(seed);
  state.cuda = cuda_state(seed);
  for (const auto& [name, offset] : kNamed)
    state.named.emplace_back(name, cuda_state(seed + offset));
  return state;
}

std::optional<RandomState> read_random_state(const TorchDistSource& source) {
  if (!std::ranges::binary_search(source.objects(), kRandomStateObject)) return {};
  std::optional<RandomState> state;
  source.with_object(kRandomStateObject,
                     [&](const TorchArchive& archive) { state = random_state_of(archive); });
  return state;
}

std::string random_state_archive(const RandomState& state) {
  TorchFile file("archive");
  pickle::Writer& pickle = file.pickle();
  const auto words = [&](const RandomState::Twister& twister) {
    for (const uint32_t word : twister.words) pickle.integer(word);
  };
  const auto tensor = [&](const std::string& bytes) {
    write_tensor(pickle, DType::u8, {static_cast<int64_t>(bytes.size())}, file.add_storage(bytes));
  };
  pickle.begin_list();
  pickle.begin_list();
  pickle.begin_dict();
  pickle.string("random_rng_state");
  pickle.begin_tuple();
  pickle.integer(kPythonVersion);
  pickle.begin_tuple();
  words(state.python);
  pickle.integer(state.python.position);
  pickle.end_tuple();
  state.python.next_normal ? pickle.number(*state.python.next_normal) : pickle.none();
  pickle.end_tuple();
  pickle.string("np_rng_state");
  pickle.begin_tuple();
  pickle.string("MT19937");
  // numpy takes a list for an array, whose pickle would name a class that moves between versions.
  pickle.begin_list();
  words(state.numpy);
  pickle.end_list();
  pickle.integer(state.numpy.position);
  pickle.integer(state.numpy.next_normal ? 1 : 0);
  pickle.number(state.numpy.next_normal.value_or(0));
  pickle.end_tuple();
  pickle.string("torch_rng_state");
  tensor(state.torch);
  pickle.string("cuda_rng_state");
  tensor(state.cuda);
  pickle.string("rng_tracker_states");
  pickle.begin_dict();
  for (const auto& [name, bytes] : state.named) {
    pickle.string(name);
    tensor(bytes);
  }
  pickle.end_dict();
  pickle.end_dict();
  pickle.end_list();
  pickle.end_list();
  return file.finish();
}

}  // namespace bascule
