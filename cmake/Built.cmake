# The libraries and the program of another build folder of this tree, as targets of their own names:
# what was compiled once need not be again.
get_filename_component(built ${BASCULE_BUILT} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
if(NOT EXISTS ${built}/built.cmake)
  message(FATAL_ERROR "BASCULE_BUILT: ${built} is no build folder of bascule; make one with: "
                      "cmake --preset release && cmake --build build/release")
endif()
include(${built}/built.cmake)
