// CRC-32 as zip files use it (reflected polynomial 0xEDB88320).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bascule {

/// Returns the CRC-32 of `data` following bytes whose CRC-32 is `so_far` (0 for none).
uint32_t crc32(uint32_t so_far, std::span<const std::byte> data);

}  // namespace bascule
