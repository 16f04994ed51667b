// Numbers as people write and read them. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bascule::cli {

/// Reads "150M", "1G", "1.5GiB", "67108864": units of 1024. Throws Error{user} that names `option`.
int64_t parse_bytes(std::string_view option, const std::string& text);

/// "2.47 GB": data, in units of 1000.
std::string data_text(int64_t bytes);
/// "150 MiB": memory, in units of 1024.
std::string memory_text(int64_t bytes);
/// "1.29 GB/s".
std::string rate_text(double bytes_per_second);
/// "0.04 s", "12.3 s", "4:05 min", "2:03:04 h".
std::string seconds_text(double seconds);
/// "1,235,814,400".
std::string grouped(int64_t number);
/// "1 file", "3 files", "1,024 files".
std::string counted(int64_t number, std::string_view noun);

}  // namespace bascule::cli
