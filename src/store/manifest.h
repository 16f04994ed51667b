// manifest.json: the size and XXH3-128 of each file of a result, written last and checked later.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bascule/reporter.h"
#include "base/hash.h"

namespace bascule {

/// Where a result keeps its manifest, relative to its directory. It does not list itself.
inline constexpr const char* kManifestName = "bascule/manifest.json";

struct Manifest {
  struct Entry {
    int64_t size = 0;
    Hash hash;
    bool operator==(const Entry&) const = default;
  };
  std::map<std::string, Entry> files;  // by name relative to the directory, '/' between parts
  bool operator==(const Manifest&) const = default;
};

std::string to_json(const Manifest& manifest);

/// Reads what to_json() wrote, strictly: unknown keys, other versions, duplicate or escaping names
/// ('..', absolute), wrong digests are Error{format}. `where` names the file in errors.
Manifest parse_manifest(std::string_view json, std::string_view where);

/// Returns the size and hash of one file, telling `reporter` the bytes as they go by.
Manifest::Entry describe_file(const std::filesystem::path& path, Reporter& reporter);

/// Re-hashes every file with `threads` threads and returns one sentence a problem: absent, another
/// size, other bytes. Files the manifest does not list are noted to `reporter`.
std::vector<std::string> check(const std::filesystem::path& directory, const Manifest& manifest,
                               Reporter& reporter, int threads = 2);

}  // namespace bascule
