// bascule: converts checkpoints between Hugging Face and Megatron Core.
#include <fcntl.h>
#include <unistd.h>

#include "cli/run.h"

namespace {

/// Opens what the caller has closed of stdin, stdout and stderr, so that no file of ours gets
/// their numbers and messages end up in it. For reading: what is written there is lost, which must
/// be seen.
void keep_standard_files() {
  for (int descriptor = 0; descriptor <= 2; ++descriptor)
    if (::fcntl(descriptor, F_GETFD) < 0 && ::open("/dev/null", O_RDONLY) < 0) _exit(6);
}

}  // namespace

int main(int count, char** words) {
  keep_standard_files();
  return bascule::cli::run({words + (count > 0 ? 1 : 0), words + count});
}
