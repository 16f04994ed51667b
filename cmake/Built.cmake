# The libraries and the program of another build folder of this tree, as targets of their own names:
# what was compiled once need not be again. The engine's too, with BASCULE_ENGINE and where that folder
# has it: BASCULE_ENGINE_BUILT.
get_filename_component(built ${BASCULE_BUILT} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
if(NOT EXISTS ${built}/built.cmake)
  message(FATAL_ERROR "BASCULE_BUILT: ${built} is no build folder of bascule; make one with: "
                      "cmake --preset release && cmake --build build/release")
endif()
include(${built}/built.cmake)
if(NOT SKBUILD)  # the program lies where it would if it were built here, and finds what lies beside it
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/bascule DEPENDS ${built}/bascule
    COMMAND ${CMAKE_COMMAND} -E copy ${built}/bascule ${PROJECT_BINARY_DIR}/bascule)
  add_custom_target(program_of_built ALL DEPENDS ${PROJECT_BINARY_DIR}/bascule)
  file(WRITE ${PROJECT_BINARY_DIR}/built.cmake "include(${built}/built.cmake)\n")
endif()

set(BASCULE_ENGINE_BUILT OFF)
if(BASCULE_ENGINE AND EXISTS ${built}/built_engine.cmake)
  set(BASCULE_ENGINE_BUILT ON)
  include(${built}/built_engine.cmake)
  include(Cuda)
  include(LibTorch)
  include(${built}/built_engine_targets.cmake)
  add_subdirectory(engine/program)
endif()
