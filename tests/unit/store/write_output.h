// Writing an Output whole, from memory: the executor's contract in its simplest form.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "base/file.h"
#include "store/output.h"
#include "unit/base/temporary_directory.h"

namespace bascule {

/// `data` holds each tensor's bytes by name.
inline void write_output(const Output& output, const std::map<std::string, std::string>& data,
                         const std::filesystem::path& directory) {
  for (const SmallFile& file : output.small_files) put(directory / file.name, file.bytes);
  std::map<size_t, File> files;
  std::map<size_t, int64_t> end;
  for (const Unit& unit : output.units) {
    if (!files[unit.file])
      files[unit.file] = File::create(directory / output.files[unit.file].name);
    const File& file = files[unit.file];
    ASSERT_EQ(unit.offset, end[unit.file]) << "units have no gaps";
    file.pwrite_all(unit.offset, as_bytes(unit.before()));
    if (unit.tensor != Unit::kNoTensor) {
      const TensorInfo& tensor = output.tensors[unit.tensor];
      ASSERT_EQ(unit.box, whole(tensor.shape));
      const std::string& bytes = data.at(tensor.name);
      ASSERT_EQ(static_cast<int64_t>(bytes.size()), unit.data_bytes);
      file.pwrite_all(unit.data_offset(), as_bytes(bytes));
    }
    file.pwrite_all(unit.end() - static_cast<int64_t>(unit.after().size()), as_bytes(unit.after()));
    end[unit.file] = unit.end();
  }
  for (size_t i = 0; i < output.files.size(); ++i) EXPECT_EQ(end[i], output.files[i].size);
}

}  // namespace bascule
