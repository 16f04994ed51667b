# Third-party libraries, from Debian packages; each is header-only or static in our binary.
set(missing "")
foreach(package Threads nlohmann_json CLI11 fmt)
  find_package(${package} QUIET)
  if(NOT ${package}_FOUND)
    list(APPEND missing ${package})
  endif()
endforeach()
if(BASCULE_TESTS)
  find_package(GTest REQUIRED)
endif()

# bascule_static(TARGET HEADER libname.a): an imported static library under third_party::TARGET
function(bascule_static target header archive)
  find_path(${target}_INCLUDE ${header})
  find_library(${target}_ARCHIVE ${archive})
  if(NOT ${target}_INCLUDE OR NOT ${target}_ARCHIVE)
    set(missing ${missing} ${archive} PARENT_SCOPE)
    return()
  endif()
  add_library(third_party::${target} STATIC IMPORTED)
  set_target_properties(third_party::${target} PROPERTIES
    IMPORTED_LOCATION ${${target}_ARCHIVE} INTERFACE_INCLUDE_DIRECTORIES ${${target}_INCLUDE})
endfunction()
bascule_static(deflate libdeflate.h libdeflate.a)
bascule_static(xxhash xxhash.h libxxhash.a)
bascule_static(md md5.h libmd.a)

# Debian's libyaml-cpp.a is not position-independent: what Python loads asks for libyaml-cpp.so.
find_path(yaml_cpp_INCLUDE yaml-cpp/yaml.h)
find_library(yaml_cpp_ARCHIVE libyaml-cpp.a)
find_library(YAML_CPP_SHARED libyaml-cpp.so)
if(NOT yaml_cpp_INCLUDE OR NOT yaml_cpp_ARCHIVE OR NOT YAML_CPP_SHARED)
  list(APPEND missing libyaml-cpp)
endif()
add_library(third_party::yaml_cpp INTERFACE IMPORTED)
set(loaded $<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>)
set_target_properties(third_party::yaml_cpp PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES ${yaml_cpp_INCLUDE}
  INTERFACE_LINK_LIBRARIES $<IF:${loaded},${YAML_CPP_SHARED},${yaml_cpp_ARCHIVE}>
  INTERFACE_COMPILE_DEFINITIONS $<$<NOT:${loaded}>:YAML_CPP_STATIC_DEFINE>)

if(missing)
  list(JOIN missing ", " missing)
  message(FATAL_ERROR "bascule needs these libraries with their headers, which are not here: "
                      "${missing}. On Debian, scripts/install_packages.sh --build-only installs them.")
endif()

# A folder of fmt's headers alone, which can be named before torch's: its wheel has another fmt.
set(fmt_HEADERS ${PROJECT_BINARY_DIR}/third_party)
find_path(fmt_INCLUDE fmt/format.h)
file(MAKE_DIRECTORY ${fmt_HEADERS})
file(CREATE_LINK ${fmt_INCLUDE}/fmt ${fmt_HEADERS}/fmt SYMBOLIC)
