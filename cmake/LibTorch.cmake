# Imported targets for the libtorch that a Python wheel carries: no find_package(Torch), which wants
# a CUDA toolkit on the machine that builds.
#   BASCULE_PYTHON   the Python whose torch is taken (default: .venv's)
#   bascule_torch    what an engine target links
set(BASCULE_PYTHON ${PROJECT_SOURCE_DIR}/.venv/bin/python CACHE FILEPATH "The Python that has torch")
if(NOT EXISTS ${BASCULE_PYTHON})
  message(FATAL_ERROR "no Python at ${BASCULE_PYTHON}: run scripts/python_env.sh, or give -DBASCULE_PYTHON=")
endif()
execute_process(
  COMMAND ${BASCULE_PYTHON} -c
    "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
  OUTPUT_VARIABLE LIBTORCH_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
if(failed)
  message(FATAL_ERROR "${BASCULE_PYTHON} has no torch: install torch 2.11.0 there, or give -DBASCULE_PYTHON=")
endif()

foreach(part c10 torch_cpu)
  add_library(libtorch_${part} SHARED IMPORTED GLOBAL)
  set_target_properties(libtorch_${part} PROPERTIES
    IMPORTED_LOCATION ${LIBTORCH_ROOT}/lib/lib${part}.so)
endforeach()
add_library(bascule_torch INTERFACE)
target_include_directories(bascule_torch SYSTEM INTERFACE ${LIBTORCH_ROOT}/include)
target_link_libraries(bascule_torch INTERFACE libtorch_torch_cpu libtorch_c10)
# What the wheel's libraries need, they find by themselves.
target_link_options(bascule_torch INTERFACE LINKER:--allow-shlib-undefined)
