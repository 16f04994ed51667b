# cmake -DROOT=recipes -DOUT=file.cpp -P embed.cmake: the YAML files below ROOT as C++.
file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/*.yaml)
list(SORT files)
set(rows "")
foreach(path ${files})
  file(READ ${ROOT}/${path} text)
  string(REGEX REPLACE "\\.yaml$" "" name ${path})
  string(APPEND rows "    {\"${name}\", R\"yaml(${text})yaml\"},\n")
endforeach()
file(WRITE ${OUT}.new "// Written by embed.cmake from recipes/.
#include \"recipe/library.h\"

namespace bascule {

std::span<const LibraryRecipe> recipe_library() {
  static constexpr LibraryRecipe all[] = {
${rows}  };
  return all;
}

}  // namespace bascule
")
file(COPY_FILE ${OUT}.new ${OUT} ONLY_IF_DIFFERENT)
