# What `cmake --install` gives besides the program: a static and a shared library of all boxes, the
# public headers, a CMake package (bascule::bascule, bascule::shared) and a pkg-config file.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

install(DIRECTORY include/bascule TYPE INCLUDE)

# The presets for tests are not for packages: they link large, and with a sanitizer's runtime.
if(BASCULE_TESTS OR BASCULE_FUZZ OR BASCULE_SANITIZE)
  return()
endif()

get_property(boxes GLOBAL PROPERTY BASCULE_BOXES)
list(TRANSFORM boxes REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)

# The static library holds the third-party archives too, so that a user needs none of them.
add_library(bascule_static STATIC ${objects})
set(merge ${PROJECT_BINARY_DIR}/merge_archives.txt)
file(GENERATE OUTPUT ${merge} CONTENT
"create $<TARGET_FILE:bascule_static>.all
addlib $<TARGET_FILE:bascule_static>
addlib ${yaml_cpp_ARCHIVE}
addlib ${deflate_ARCHIVE}
addlib ${xxhash_ARCHIVE}
save
end
")
add_custom_command(TARGET bascule_static POST_BUILD VERBATIM
  COMMAND ${CMAKE_AR} -M < ${merge}
  COMMAND ${CMAKE_COMMAND} -E rename $<TARGET_FILE:bascule_static>.all $<TARGET_FILE:bascule_static>)

add_library(bascule_shared SHARED ${objects})
target_link_libraries(bascule_shared PRIVATE ${YAML_CPP_SHARED} third_party::deflate third_party::xxhash)
target_link_options(bascule_shared PRIVATE -Wl,--exclude-libs,ALL)
set_target_properties(bascule_shared PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set_target_properties(bascule_static PROPERTIES EXPORT_NAME bascule)
set_target_properties(bascule_shared PROPERTIES EXPORT_NAME shared)
foreach(library bascule_static bascule_shared)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME bascule LINKER_LANGUAGE CXX)
  target_compile_features(${library} INTERFACE cxx_std_20)
  target_link_libraries(${library} PUBLIC Threads::Threads)
  target_include_directories(${library} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/bascule)
install(TARGETS bascule_static bascule_shared EXPORT bascule)
install(EXPORT bascule FILE bascule-targets.cmake NAMESPACE bascule:: DESTINATION ${package_directory})
file(WRITE ${PROJECT_BINARY_DIR}/bascule-config.cmake
"include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(\${CMAKE_CURRENT_LIST_DIR}/bascule-targets.cmake)
")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bascule-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bascule-config.cmake
              ${PROJECT_BINARY_DIR}/bascule-config-version.cmake DESTINATION ${package_directory})

# Relative to itself, so that the package can be moved.
file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
file(WRITE ${PROJECT_BINARY_DIR}/bascule.pc
"prefix=\${pcfiledir}/${to_prefix}
Name: bascule
Description: ${PROJECT_DESCRIPTION}
Version: ${PROJECT_VERSION}
Cflags: -I\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}
Libs: -L\${prefix}/${CMAKE_INSTALL_LIBDIR} -lbascule
")
install(FILES ${PROJECT_BINARY_DIR}/bascule.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
