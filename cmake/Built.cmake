# The libraries and the program of another build folder of this tree, as targets of their own names:
# what was compiled once need not be again. With BASCULE_ENGINE, the engine's too.
get_filename_component(built ${BASCULE_BUILT} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
if(NOT EXISTS ${built}/built.cmake)
  message(FATAL_ERROR "BASCULE_BUILT: ${built} is no build folder of bascule; make one with: "
                      "cmake --preset release && cmake --build build/release")
endif()
include(${built}/built.cmake)
if(NOT BASCULE_ENGINE)
  return()
endif()

if(NOT EXISTS ${built}/built_engine.cmake)
  message(FATAL_ERROR "BASCULE_BUILT: ${built} holds no training engine, and ${BASCULE_PYTHON} has the torch for "
                      "it; make one with: cmake --preset engine -DBASCULE_PYTHON=${BASCULE_PYTHON} && cmake --build "
                      "build/engine, or ${leave_out}")
endif()
include(${built}/built_engine.cmake)
include(Cuda)
include(LibTorch)
include(${built}/built_engine_targets.cmake)
add_subdirectory(engine/program)
