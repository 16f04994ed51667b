# Compiler settings, and the two functions that declare a box of the architecture and its tests.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
                                  ${CCACHE})
endif()

add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wconversion>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options($<$<AND:$<NOT:$<CONFIG:Debug>>,$<COMPILE_LANGUAGE:CXX>>:-Wno-restrict>)  # false alarms on std::string: GCC bug 105651
endif()
if(BASCULE_WERROR)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(BASCULE_SANITIZE)
  add_compile_options(-fsanitize=${BASCULE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BASCULE_SANITIZE})
  # The vptr check opens a pipe to see whether memory can be read, and so raises false alarms in the
  # test that uses up all file descriptors.
  if(BASCULE_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()

# bascule_box(NAME SOURCES a.cpp ... USES other_box ... LIBRARIES target ...)
# One box of the architecture: a static library bascule_NAME that sees src/ and include/.
function(bascule_box name)
  cmake_parse_arguments(box "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  list(TRANSFORM box_USES PREPEND bascule_)
  add_library(bascule_${name} STATIC ${box_SOURCES})
  target_include_directories(bascule_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                                    ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(bascule_${name} PUBLIC ${box_USES} PRIVATE ${box_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY BASCULE_BOXES bascule_${name})
endfunction()

# All that the thread sanitizer is for.
add_custom_target(threads_tests)

# bascule_test(NAME SOURCES a_test.cpp ... USES box ... LIBRARIES target ... LABELS label ...)
# A GoogleTest program; tests run in the repository's root.
function(bascule_test name)
  cmake_parse_arguments(test "" "" "SOURCES;USES;LIBRARIES;LABELS" ${ARGN})
  list(TRANSFORM test_USES PREPEND bascule_)
  add_executable(${name} ${test_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${test_USES} ${test_LIBRARIES} GTest::gtest_main GTest::gmock)
  if(BASCULE_SANITIZE)  # what is tested is optimized; the tests themselves take long to compile
    target_compile_options(${name} PRIVATE -O0)
  endif()
  if(test_LABELS MATCHES threads)
    add_dependencies(threads_tests ${name})
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} DISCOVERY_MODE PRE_TEST
                       PROPERTIES LABELS "${test_LABELS}")
endfunction()
