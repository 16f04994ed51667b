#include "bridge/opened.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/check.h"
#include "base/file.h"
#include "bridge/megatron_settings.h"
#include "convert/verifier.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

/// What training checkpoints hold beside the model.
constexpr const char* kNotTheModel[] = {"optimizer.*", "chained_*", "rng_state*", "rerun_state*"};

bool is_stacked(const TensorSource& source) {
  for (const TensorInfo& tensor : source.tensors()) {
    const size_t at = tensor.name.find("decoder.layers.");
    if (at == std::string::npos) continue;
    const char next = tensor.name.c_str()[at + 15];
    return next < '0' || next > '9';
  }
  return true;
}

/// How many rows the settings ask for, and what to correct where the file has more.
std::pair<std::string, std::string> rows_asked(const MegatronSettings& settings) {
  const int64_t vocab = settings.config.model.arch.vocab;
  if (settings.from_args)
    return {fmt::format("args.padded_vocab_size asks for {} rows", vocab),
            "these are not the arguments that it was trained by"};
  return {fmt::format("model.vocab_size is {}, padded to a multiple of {}", vocab,
                      settings.config.model.vocab_multiple),
          "correct vocab_size, or say with should_pad_vocab and make_vocab_size_divisible_by how "
          "rows were padded"};
}

/// The padding that the file itself has: all rows of its embedding. Throws Error{mismatch} where
/// the settings do not explain them.
int64_t vocab_multiple(const TensorSource& source, const MegatronSettings& settings) {
  const int64_t vocab = settings.config.model.arch.vocab,
                multiple = settings.config.model.vocab_multiple;
  for (const TensorInfo& tensor : source.tensors()) {
    if (!tensor.name.ends_with("embedding.word_embeddings.weight") || tensor.shape.empty())
      continue;
    const int64_t rows = tensor.shape[0];
    const auto [asked, remedy] = rows_asked(settings);
    require(rows - vocab < multiple, Kind::mismatch, "{}: {}, but {} has {} rows; {}",
            settings.file, asked, tensor.name, rows, remedy);
    return std::max<int64_t>({rows, vocab, 1});
  }
  return 1;
}

/// Whether layers are made of the same parts, so that a tensor can hold one of all layers.
bool layers_stack(const Arch& arch) {
  const auto kind = [](const Layer& layer) {
    return std::pair(layer.mixer.index(), layer.feed_forward.index());
  };
  return std::ranges::adjacent_find(arch.layers, std::ranges::not_equal_to(), kind) ==
         arch.layers.end();
}

/// The dtype that the largest part of the weights is stored in.
std::string stored_dtype(const TensorSource& source) {
  std::map<DType, int64_t> count;
  for (const TensorInfo& tensor : source.tensors()) count[tensor.dtype] += elements(tensor.shape);
  const auto most =
      std::ranges::max_element(count, {}, [](const auto& each) { return each.second; });
  return most == count.end() ? "" : std::string(torch_name(most->first));
}

/// Throws Error{user} where --family names another than the checkpoint does.
void require_family(const std::string& family, const Options& options) {
  require(options.family.empty() || options.family == family, Kind::user,
          "the model is of family {}, not of {}; leave --family out", family, options.family);
}

/// The family that a Megatron checkpoint is of: state.json's, else what its settings tell, else
/// --family, else that of the model it is compared with.
const Family& family_of(const Opened& opened, const MegatronSettings& settings,
                        const Options& options, const Family* likely) {
  const RunConfig& config = settings.config;
  const auto& known = config.families;
  if (opened.state)
    return in_context((opened.path / kStateName).string(), [&]() -> const Family& {
      require_family(opened.state->family, options);
      const Family& family = family_named(opened.state->family);
      const bool agree = known.empty() ? family.provider == config.provider
                                       : std::ranges::count(known, family.name) > 0;
      require(agree, Kind::format,
              "the model is of family {}, but {} says {}{}; the two do not belong together: copy "
              "both again, or remove the wrong one",
              family.name, settings.file, config.provider,
              known.empty() ? "" : fmt::format(", of family {}", fmt::join(known, " or ")));
      return family;
    });
  if (!options.family.empty()) {
    const Family& asked = family_named(options.family);
    require(known.empty() || std::find(known.begin(), known.end(), asked.name) != known.end(),
            Kind::user, "{} is not of family {}, but of one of: {}", settings.file, asked.name,
            fmt::join(known, ", "));
    return asked;
  }
  if (known.size() == 1) return family_named(known[0]);
  if (likely && (known.empty() || std::ranges::find(known, likely->name) != known.end()))
    return *likely;
  require(config.unsaid.empty(), Kind::unsupported,
          "{}: {}: config.json of no family can say so; correct what the training did not have, or "
          "give --family to look at the weights as they are",
          settings.file, config.unsaid);
  fail(Kind::unsupported, "{} does not say which family this model is of; give --family{}",
       settings.file,
       known.empty() ? "; \"bascule models\" lists them"
                     : fmt::format(", one of: {}", fmt::join(known, ", ")));
}

/// Whether a parameter can be stored so, with no codec between.
bool plain(DType dtype) {
  constexpr DType kPlain[] = {DType::f64, DType::f32, DType::f16, DType::bf16};
  return std::ranges::find(kPlain, dtype) != std::end(kPlain);
}

/// Throws Error{mismatch} where a tensor has another shape than the configuration gives, or cannot
/// be a parameter.
void check_tensors(const TensorSource& source, const Opened& opened) {
  check_names(source, opened.dialect, opened.path.string());
  for (const Binding& row : opened.dialect.bindings) {
    const size_t index = *find(source, row.name);
    const TensorInfo& tensor = source.tensors()[index];
    const Shape wanted = row.layout.shape(opened.slots);
    if (tensor.shape != wanted)
      fail(Kind::mismatch,
           "{}: tensor {} has shape {}, but the configuration gives {}; take the weights and {} "
           "of one and the same model",
           lies_in(source, index), tensor.name, to_string(tensor.shape), to_string(wanted),
           opened.dist ? fs::path(opened.settings).filename().string() : "config.json");
    require(row.codec != Codec::plain || plain(tensor.dtype), Kind::mismatch,
            "{}: tensor {} holds {}, and this model's parameters are bfloat16, float16, float32 or "
            "float64; dequantize it first, or take the model's release in one of these",
            lies_in(source, index), tensor.name, torch_name(tensor.dtype));
  }
}

}  // namespace

Opened open_hf(const std::string& path_or_id, const Options& options) {
  require(!is_megatron(path_or_id), Kind::user,
          "{} is a Megatron checkpoint, not a Hugging Face model; \"bascule export\" reads it",
          path_or_id);
  Opened opened;
  opened.path = resolve_hf(path_or_id);
  opened.hf = open_hf_directory(opened.path);
  const fs::path config = opened.path / "config.json";
  std::error_code ignored;
  require(fs::exists(config, ignored), Kind::user,
          "{} has no config.json, which says what model these weights are; copy it from where they "
          "came from",
          opened.path.string());
  opened.config =
      read_hf_config(read_small_file(config, kConfigLimit), config.string(), options.ignore_keys);
  opened.family = opened.config->family;
  in_context(config.string(), [&] { require_family(opened.family->name, options); });
  opened.arch = opened.config->arch;
  opened.dtype = opened.config->dtype;
  if (opened.dtype.empty()) opened.dtype = stored_dtype(*opened.hf.weights);
  in_context(config.string(), [&] {
    opened.slots = slots(opened.arch);
    opened.dialect = hf_dialect(*opened.family, opened.arch, opened.slots);
  });
  check_tensors(*opened.hf.weights, opened);
  return opened;
}

Opened open_megatron(const fs::path& path, const Options& options, const Family* likely) {
  Opened opened;
  opened.format = Opened::Format::torch_dist;
  opened.path = iteration_directory(path);
  opened.dist = TorchDistSource::open(opened.path, {.strip_prefixes = {"module.", "model."}});
  std::error_code ignored;
  if (const fs::path file = opened.path / kStateName; fs::exists(file, ignored))
    opened.state = parse_state(read_small_file(file, kStateLimit), file.string());
  const MegatronSettings settings = megatron_settings(opened.path, *opened.dist);
  const MegatronConfig& model = settings.config.model;
  opened.family = &family_of(opened, settings, options, likely);
  opened.arch = model.arch;
  opened.dtype = model.dtype;
  opened.settings = settings.file;
  opened.from_args = settings.from_args;
  if (const fs::path file = opened.path / kConfigFile; fs::exists(file, ignored)) {
    std::vector<std::string> ignore = options.ignore_keys;
    if (opened.state)
      for (const std::string& key : opened.state->ignored_keys)
        if (std::find(ignore.begin(), ignore.end(), key) == ignore.end()) ignore.push_back(key);
    opened.config = read_hf_config(read_small_file(file, kConfigLimit), file.string(), ignore);
    // Megatron's configuration cannot hold every fact of the original; where the two agree on all
    // that it can hold, the original says the rest.
    if (opened.config->family == opened.family &&
        as_megatron_holds(*opened.family, opened.config->arch) == opened.arch)
      opened.arch = opened.config->arch;
    else
      opened.config.reset();
  }
  in_context(settings.file, [&] { opened.slots = slots(opened.arch); });
  opened.form = {.vocab_multiple = vocab_multiple(*opened.dist, settings),
                 .stacked = is_stacked(*opened.dist)};
  require(!opened.form.stacked || layers_stack(opened.arch), Kind::mismatch,
          "{}: {} mixes layers with experts and without, but {} has a tensor that holds a norm of "
          "all layers, as where they are alike; correct moe_layer_freq",
          settings.file, settings.from_args ? "args.moe_layer_freq" : "model.moe_layer_freq",
          opened.path.string());
  opened.dialect = megatron(opened.arch, opened.slots, opened.form);
  for (const char* pattern : kNotTheModel) opened.dialect.ignored.push_back(pattern);
  check_tensors(*opened.dist, opened);
  return opened;
}

Opened open_model(const std::string& path, const Options& options, const Family* likely) {
  if (is_megatron(path)) return open_megatron(path, options, likely);
  std::error_code ignored;
  // What such a checkpoint lacks is told where it is opened.
  if (fs::exists(fs::path(path) / "metadata.json", ignored) &&
      !fs::exists(fs::path(path) / "config.json", ignored))
    return open_megatron(path, options);
  if (!fs::exists(path, ignored) || is_hf_directory(path)) return open_hf(path, options);
  fail(Kind::user,
       "{} is neither a Hugging Face directory (config.json and *.safetensors) nor a Megatron "
       "checkpoint (iter_* directories, or .metadata and metadata.json)",
       path);
}

}  // namespace bascule
