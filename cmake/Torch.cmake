# The torch that the engine stands on: which version, and whether the Python in question has it.
#   BASCULE_ENGINE          ON, OFF, or AUTO: ON where that Python has a torch
#   BASCULE_PYTHON          the Python (default: the one that pip builds for, else .venv's)
#   BASCULE_TORCH_VERSION   what pyproject.toml's extra "train" says
#   LIBTORCH_ROOT           the folder of its torch, where the engine is ON
file(STRINGS ${PROJECT_SOURCE_DIR}/pyproject.toml BASCULE_TORCH_VERSION REGEX "\"torch==[0-9.]+\"")
string(REGEX REPLACE ".*\"torch==([0-9.]+)\".*" "\\1" BASCULE_TORCH_VERSION "${BASCULE_TORCH_VERSION}")

if(SKBUILD)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
  set(default_python ${Python_EXECUTABLE})
  set(leave_out "leave the engine out: --config-settings=cmake.define.BASCULE_ENGINE=OFF")
else()
  set(default_python ${PROJECT_SOURCE_DIR}/.venv/bin/python)
  set(leave_out "name another Python: -DBASCULE_PYTHON=")
endif()
set(BASCULE_PYTHON ${default_python} CACHE FILEPATH "The Python that has torch")
if(NOT BASCULE_ENGINE)
  return()
endif()

if(NOT EXISTS ${BASCULE_PYTHON})
  message(FATAL_ERROR "no Python at ${BASCULE_PYTHON}: run scripts/python_env.sh, or give -DBASCULE_PYTHON=")
endif()
execute_process(
  COMMAND ${BASCULE_PYTHON} -c
    "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
  OUTPUT_VARIABLE LIBTORCH_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
if(failed AND BASCULE_ENGINE STREQUAL "AUTO")
  message(STATUS "${BASCULE_PYTHON} has no torch: the package is built without the training engine")
  set(BASCULE_ENGINE OFF)
  return()
elseif(failed)
  message(FATAL_ERROR
    "${BASCULE_PYTHON} has no torch, on which the training engine is built. Install it there "
    "(pip install torch==${BASCULE_TORCH_VERSION}; pip then builds with --no-build-isolation), or ${leave_out}")
endif()
file(STRINGS ${LIBTORCH_ROOT}/version.py found REGEX "^__version__ = ")
string(REGEX REPLACE "^__version__ = '([0-9.]+).*" "\\1" found "${found}")
if(NOT found STREQUAL BASCULE_TORCH_VERSION)
  message(FATAL_ERROR
    "${LIBTORCH_ROOT} is torch ${found}, and the training engine stands on ${BASCULE_TORCH_VERSION}. "
    "Install that (pip install torch==${BASCULE_TORCH_VERSION}), or ${leave_out}")
endif()
set(BASCULE_ENGINE ON)
