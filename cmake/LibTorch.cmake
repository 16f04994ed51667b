# Imported targets for the libtorch in LIBTORCH_ROOT, which a Python wheel carries: no find_package(Torch),
# which wants a CUDA toolkit on the machine that builds.
#   bascule_torch    what an engine target links; with BASCULE_HAS_CUDA, torch's CUDA libraries too
foreach(part c10 torch_cpu torch_python)
  add_library(libtorch_${part} SHARED IMPORTED GLOBAL)
  set_target_properties(libtorch_${part} PROPERTIES
    IMPORTED_LOCATION ${LIBTORCH_ROOT}/lib/lib${part}.so)
endforeach()
add_library(bascule_torch INTERFACE IMPORTED GLOBAL)  # so that what links it can be exported
target_include_directories(bascule_torch SYSTEM INTERFACE ${fmt_HEADERS} ${LIBTORCH_ROOT}/include)
# at::parallel_for is a plain loop where OpenMP is off; of its runtimes a process has one, torch's.
add_library(libtorch_gomp SHARED IMPORTED GLOBAL)
set_target_properties(libtorch_gomp PROPERTIES IMPORTED_LOCATION ${LIBTORCH_ROOT}/lib/libgomp.so.1)
target_compile_options(bascule_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
target_link_libraries(bascule_torch INTERFACE libtorch_torch_cpu libtorch_c10 libtorch_gomp)
# What the wheel's libraries need, they find by themselves.
target_link_options(bascule_torch INTERFACE LINKER:--allow-shlib-undefined)

# Nothing refers to libtorch_cuda by name: its kernels register themselves when it is loaded, which
# runs do that find a GPU (engine/kernels/cuda/present.cpp).
#   libtorch_torch_cuda   what a test links that does not ask
if(BASCULE_HAS_CUDA)
  foreach(part torch_cuda c10_cuda)
    if(NOT EXISTS ${LIBTORCH_ROOT}/lib/lib${part}.so)
      message(FATAL_ERROR "the torch of ${BASCULE_PYTHON} has no lib${part}.so: install the CUDA build "
                          "of torch ${BASCULE_TORCH_VERSION}, or give -DBASCULE_CUDA=OFF")
    endif()
    add_library(libtorch_${part} SHARED IMPORTED GLOBAL)
    set_target_properties(libtorch_${part} PROPERTIES
      IMPORTED_LOCATION ${LIBTORCH_ROOT}/lib/lib${part}.so)
  endforeach()
  target_link_libraries(bascule_torch INTERFACE libtorch_c10_cuda CUDA::cudart)
endif()
target_compile_definitions(bascule_torch INTERFACE BASCULE_HAS_CUDA=$<BOOL:${BASCULE_HAS_CUDA}>)
