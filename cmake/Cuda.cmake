# CUDA's compiler, where there is one.
#   BASCULE_CUDA       AUTO: kernels for GPUs are built where nvcc is found; ON: they must be; OFF
#   BASCULE_HAS_CUDA   the answer
set(BASCULE_CUDA AUTO CACHE STRING "Kernels for NVIDIA GPUs: AUTO (where nvcc is found), ON or OFF")
set_property(CACHE BASCULE_CUDA PROPERTY STRINGS AUTO ON OFF)

find_program(BASCULE_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin /usr/local/cuda/bin DOC "CUDA's compiler")
if(BASCULE_CUDA STREQUAL "AUTO")
  set(BASCULE_HAS_CUDA OFF)
  if(BASCULE_NVCC)
    set(BASCULE_HAS_CUDA ON)
  endif()
else()
  set(BASCULE_HAS_CUDA ${BASCULE_CUDA})
endif()
message(STATUS "Kernels for NVIDIA GPUs: ${BASCULE_HAS_CUDA}")
if(NOT BASCULE_HAS_CUDA)
  return()
endif()
if(NOT BASCULE_NVCC)
  message(FATAL_ERROR "BASCULE_CUDA is ON and nvcc is not found: set CUDA_HOME, or give -DBASCULE_CUDA=OFF")
endif()

# The A100, the H100 and the H200; what is newer compiles the 80's PTX when it starts.
set(CMAKE_CUDA_COMPILER ${BASCULE_NVCC})
set(CMAKE_CUDA_ARCHITECTURES 80 90a-real)
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc speaks C++20
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # torch's, of which there may be one only
find_package(CUDAToolkit REQUIRED)
