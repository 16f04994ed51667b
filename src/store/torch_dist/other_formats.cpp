#include "store/torch_dist/other_formats.h"

#include "base/check.h"
#include "base/filesystem.h"

namespace bascule {

namespace fs = std::filesystem;

OtherFormat other_format(const fs::path& directory) {
  return filesystem_work([&] {
    if (!fs::is_directory(directory) || fs::exists(directory / "metadata.json"))
      return OtherFormat::none;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory))
      if (entry.path().filename().string().starts_with("mp_rank_") &&
          fs::exists(entry.path() / "model_optim_rng.pt"))
        return OtherFormat::torch;
    return fs::exists(directory / ".metadata") ? OtherFormat::fsdp_dtensor : OtherFormat::none;
  });
}

void refuse_other_format(const fs::path& directory) {
  switch (other_format(directory)) {
    case OtherFormat::none:
      return;
    case OtherFormat::torch:
      fail(Kind::unsupported,
           "{} is in Megatron's format torch (mp_rank_*/model_optim_rng.pt: a pickle for each "
           "rank), which is not read; let Megatron-LM load it and save it as torch_dist: "
           "--ckpt-convert-format torch_dist --ckpt-convert-save DIR, or train on with "
           "--ckpt-format torch_dist",
           directory.string());
    case OtherFormat::fsdp_dtensor:
      fail(Kind::unsupported,
           "{} has .metadata without metadata.json: it is in Megatron-FSDP's format fsdp_dtensor "
           "(or of another program that uses torch.distributed.checkpoint), which is not read; "
           "let the program that wrote it load it and save it with --ckpt-format torch_dist. Is "
           "it a torch_dist checkpoint, then its metadata.json is missing: copy it from where the "
           "checkpoint came from",
           directory.string());
  }
}

}  // namespace bascule
