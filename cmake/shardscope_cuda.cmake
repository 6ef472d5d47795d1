# SPDX-License-Identifier: Apache-2.0
# Decides whether the CUDA kernels are compiled and enables the language. AUTO compiles them where they can also run: a
# toolkit and a driver. Nothing of a vendor but cudart_static is ever linked.
if(SHARDSCOPE_CUDA STREQUAL "OFF")
  return()
endif()
if(SHARDSCOPE_CUDA STREQUAL "AUTO" AND NOT EXISTS /dev/nvidiactl)
  message(STATUS "CUDA kernels left out: no NVIDIA driver here; SHARDSCOPE_CUDA=ON compiles them all the same")
  return()
endif()
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(SHARDSCOPE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "SHARDSCOPE_CUDA is ON, but nvcc was not found: put it on PATH or set CMAKE_CUDA_COMPILER.")
  endif()
  message(STATUS "CUDA kernels left out: nvcc was not found")
  return()
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 90-virtual) # the last runs on everything newer
endif()
enable_language(CUDA)
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION) # CMake before 3.26 does not know that nvcc 12 and later do
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  list(APPEND CMAKE_CUDA_COMPILE_FEATURES cuda_std_20)
endif()
set(SHARDSCOPE_WITH_CUDA ON)
