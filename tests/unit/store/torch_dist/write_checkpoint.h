// Writing an Output whole, from memory, front to back as the executor does: boxes of tensors and
// the CRC-32s of their data.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/crc.h"
#include "base/file.h"
#include "store/memory_source.h"
#include "store/output.h"
#include "unit/base/temporary_directory.h"

namespace bascule {

inline void write_checkpoint(const Output& output, const MemorySource& source,
                             const std::filesystem::path& directory) {
  for (const SmallFile& file : output.small_files) put(directory / file.name, file.bytes);
  std::vector<std::string> files(output.files.size());
  for (const Unit& unit : output.units) {
    std::string& file = files.at(unit.file);
    ASSERT_EQ(unit.offset, static_cast<int64_t>(file.size())) << "units have no gaps";
    file += unit.before();
    std::string after(unit.after());
    if (unit.tensor != Unit::kNoTensor) {
      std::vector<std::byte> data(static_cast<size_t>(unit.data_bytes));
      source.read(*find(source, output.tensors.at(unit.tensor).name), unit.box, data);
      const uint32_t crc = crc32(0, data);
      for (const uint32_t at : unit.crc_at()) std::memcpy(after.data() + at, &crc, sizeof crc);
      file.append(reinterpret_cast<const char*>(data.data()), data.size());
    }
    file += after;
    ASSERT_EQ(unit.end(), static_cast<int64_t>(file.size()));
  }
  for (size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(output.files[i].size, static_cast<int64_t>(files[i].size()));
    put(directory / output.files[i].name, files[i]);
  }
}

/// A tensor whose element bytes are 0, 1, 2, ... modulo 251.
inline std::vector<std::byte> pattern(const TensorInfo& info, unsigned seed = 0) {
  std::vector<std::byte> data(static_cast<size_t>(bytes(info.dtype, elements(info.shape))));
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>((i + seed) % 251);
  return data;
}

}  // namespace bascule
