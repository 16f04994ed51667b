# The training engine's targets: boxes on libtorch, with one precompiled <ATen/ATen.h> for all.
include(Cuda)
include(LibTorch)
if(NOT SKBUILD)
  find_package(GTest REQUIRED)
  enable_testing()
endif()

file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/aten.cpp "// Only holds the precompiled header.\n")
add_library(bascule_aten OBJECT ${CMAKE_CURRENT_BINARY_DIR}/aten.cpp)
target_link_libraries(bascule_aten PUBLIC bascule_torch)
target_precompile_headers(bascule_aten PUBLIC <ATen/ATen.h>)

function(bascule_on_torch target)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/engine)
  target_link_libraries(${target} PUBLIC bascule_torch)
  target_precompile_headers(${target} REUSE_FROM bascule_aten)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
endfunction()

# Programs are compiled as libraries are: a precompiled header serves one set of flags.
function(bascule_like_aten target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
endfunction()

# bascule_engine_box(NAME SOURCES a.cpp ... USES other_box ...): as bascule_box(), on libtorch.
function(bascule_engine_box name)
  bascule_box(${name} ${ARGN})
  bascule_on_torch(bascule_${name})
endfunction()

# bascule_engine_test(NAME SOURCES a_test.cpp ... USES box ...)
function(bascule_engine_test name)
  bascule_test(${name} ${ARGN})
  bascule_on_torch(${name})
  bascule_like_aten(${name})
endfunction()
