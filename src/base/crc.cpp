#include "base/crc.h"

#include <libdeflate.h>

namespace bascule {

uint32_t crc32(uint32_t so_far, std::span<const std::byte> data) {
  return data.empty() ? so_far : libdeflate_crc32(so_far, data.data(), data.size());
}

}  // namespace bascule
