# Third-party libraries, from Debian packages; each is header-only or static in our binary.
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
if(BASCULE_TESTS)
  find_package(GTest REQUIRED)
endif()

# bascule_static(TARGET HEADER libname.a): an imported static library under third_party::TARGET
function(bascule_static target header archive)
  find_path(${target}_INCLUDE ${header} REQUIRED)
  find_library(${target}_ARCHIVE ${archive} REQUIRED)
  add_library(third_party::${target} STATIC IMPORTED)
  set_target_properties(third_party::${target} PROPERTIES
    IMPORTED_LOCATION ${${target}_ARCHIVE} INTERFACE_INCLUDE_DIRECTORIES ${${target}_INCLUDE})
endfunction()
bascule_static(yaml_cpp yaml-cpp/yaml.h libyaml-cpp.a)
bascule_static(deflate libdeflate.h libdeflate.a)
bascule_static(xxhash xxhash.h libxxhash.a)
bascule_static(md md5.h libmd.a)
target_compile_definitions(third_party::yaml_cpp INTERFACE YAML_CPP_STATIC_DEFINE)
