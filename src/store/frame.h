// Fixed bytes around data that are written between them. A value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bascule {

struct Frame {
  std::string before;            // what precedes the data
  std::string after;             // what follows, but for the CRC-32 of the data (little-endian) ...
  std::vector<uint32_t> crc_at;  // ... to be put at these offsets of `after`
};

}  // namespace bascule
