# Every library that the C++ build uses. Debian packages: tools/debian-packages.txt; Python wheels (torch): tools/requirements.txt.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(Eigen3 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(NETCDF REQUIRED IMPORTED_TARGET netcdf)
pkg_check_modules(CFITSIO REQUIRED IMPORTED_TARGET cfitsio)

find_package(HDF5 REQUIRED COMPONENTS C)
add_library(penumbra_hdf5 INTERFACE)
target_include_directories(penumbra_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(penumbra_hdf5 INTERFACE ${HDF5_C_LIBRARIES})

# LibTorch from the pinned wheel. Only its CPU libraries are linked: nn/device.cpp opens libtorch_cuda when a GPU is
# asked for, so that one program serves machines with and without one.
file(GLOB torch_root ${PENUMBRA_VENV}/lib/python3*/site-packages/torch)
if(NOT torch_root)
  message(FATAL_ERROR "LibTorch not found under ${PENUMBRA_VENV}: run tools/setup.sh first, or pass -DPENUMBRA_VENV=DIR")
endif()
file(GLOB torch_nvidia_libs ${torch_root}/../nvidia/*/lib)
list(APPEND torch_nvidia_libs /usr/local/cuda/lib64 /usr/local/cuda/extras/CUPTI/lib64)
add_library(penumbra_torch INTERFACE)
# Searched last: torch brings headers of its own fmt, which must not hide the one that is linked.
target_compile_options(penumbra_torch INTERFACE
  "SHELL:-idirafter ${torch_root}/include" "SHELL:-idirafter ${torch_root}/include/torch/csrc/api/include")
target_link_libraries(penumbra_torch INTERFACE
  ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so ${CMAKE_DL_LIBS})
# For nn/distributed.cpp: the wheel holds c10d with Gloo, and its header, but not the headers of Gloo that this one
# includes. Nothing here looks into Gloo's types, so those of the Debian package serve; its library is not linked.
find_path(gloo_include gloo/rendezvous/store.h REQUIRED)
target_include_directories(penumbra_torch SYSTEM INTERFACE ${gloo_include})
# libtorch_cpu needs libcudart.so.13 and libcupti.so.13 even without a GPU: from the nvidia wheels or from the toolkit.
set(CMAKE_BUILD_RPATH ${torch_root}/lib ${torch_nvidia_libs})
foreach(dir ${torch_nvidia_libs})
  target_link_options(penumbra_torch INTERFACE -Wl,-rpath-link,${dir})
endforeach()

if(PENUMBRA_TESTS)
  find_package(GTest REQUIRED)
endif()
find_package(benchmark REQUIRED)

# CUDA: found automatically unless switched off.
set(PENUMBRA_HAVE_CUDA OFF)
if(NOT PENUMBRA_CUDA STREQUAL "OFF")
  find_program(CMAKE_CUDA_COMPILER nvcc HINTS /usr/local/cuda/bin PATHS ${torch_root}/../nvidia/cu13/bin)
  if(CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90)  # later GPUs compile the latter
    set(CMAKE_CUDA_STANDARD 20)
    enable_language(CUDA)
    set(PENUMBRA_HAVE_CUDA ON)
  elseif(PENUMBRA_CUDA STREQUAL "ON")
    message(FATAL_ERROR "PENUMBRA_CUDA=ON, but no nvcc was found (looked on PATH, in /usr/local/cuda/bin and in ${PENUMBRA_VENV}: tools/setup.sh nvcc)")
  endif()
endif()
message(STATUS "CUDA kernels: ${PENUMBRA_HAVE_CUDA}")
