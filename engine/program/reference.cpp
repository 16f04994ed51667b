#include "program/reference.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "program/python_process.h"

namespace bascule {
namespace {

// Reads token ids, a list a sequence; writes logits in fp32, by rows.
constexpr const char* kProgram =
    "import json, sys, torch, transformers\n"
    "asked = json.load(open(sys.argv[1]))\n"
    "transformers.utils.logging.disable_progress_bar()\n"
    "model = transformers.AutoModelForCausalLM.from_pretrained(\n"
    "    sys.argv[3], dtype=torch.float32, local_files_only=True)\n"
    "with torch.no_grad():\n"
    "    logits = model.eval()(torch.tensor(asked)).logits.float().flatten(0, 1)\n"
    "logits.contiguous().numpy().tofile(sys.argv[2])\n";

}  // namespace

at::Tensor transformers_logits(const std::filesystem::path& directory,
                               const std::vector<int64_t>& tokens, int64_t sequences,
                               int64_t vocabulary) {
  nlohmann::json asked = nlohmann::json::array();
  const auto length = static_cast<std::ptrdiff_t>(tokens.size()) / sequences;
  for (auto at = tokens.begin(); at != tokens.end(); at += length)
    asked.push_back(std::vector<int64_t>(at, at + length));
  at::Tensor logits = at::empty({static_cast<int64_t>(tokens.size()), vocabulary}, at::kFloat);
  const auto bytes = static_cast<int64_t>(logits.nbytes());
  constexpr int64_t kMost = int64_t{1} << 32;
  const std::string told =
      ask_python(kProgram, asked.dump(), {directory.string()}, kMost,
                 "could not run transformers on " + directory.string() +
                     "; it needs the packages torch and transformers: name a Python that has them "
                     "in BASCULE_PYTHON");
  require(static_cast<int64_t>(told.size()) == bytes, Kind::mismatch,
          "transformers gave {} bytes of logits for {}, not {}: its vocabulary is another",
          told.size(), directory.string(), bytes);
  std::memcpy(logits.mutable_data_ptr(), told.data(), told.size());
  return logits;
}

}  // namespace bascule
