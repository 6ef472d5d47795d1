# SPDX-License-Identifier: Apache-2.0
# Installs the runtime as a package: find_package(Shardscope) gives Shardscope::runtime.
include(CMakePackageConfigHelpers)
set(package_folder lib/cmake/Shardscope)

set_target_properties(shardscope_core_runtime PROPERTIES EXPORT_NAME runtime)
foreach(room IN ITEMS core_runtime profiler kernels traces)
  target_include_directories(shardscope_${room} INTERFACE $<INSTALL_INTERFACE:include/shardscope>)
  target_compile_features(shardscope_${room} PUBLIC cxx_std_20)
  if(NOT room STREQUAL "core_runtime")
    set_target_properties(shardscope_${room} PROPERTIES EXPORT_NAME ${room})
  endif()
endforeach()
if(SHARDSCOPE_WITH_CUDA)
  set(cuda_library shardscope_cuda_kernels)
endif()
install(TARGETS shardscope_core_runtime shardscope_profiler shardscope_kernels shardscope_traces ${cuda_library}
        EXPORT ShardscopeTargets ARCHIVE DESTINATION lib COMPONENT library)

# What shardscope.h includes, and nothing else: the rest may change from one version to the next.
install(FILES core_runtime/shardscope.h DESTINATION include/shardscope COMPONENT library)
foreach(header IN ITEMS core_runtime/backend_choice.h core_runtime/config.h core_runtime/dataset.h core_runtime/engine.h core_runtime/link_model.h
                        core_runtime/model_spec.h core_runtime/training.h traces/result.h traces/trace_event.h
                        traces/trace_sink.h traces/trace_writer.h traces/vocabulary.h)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${header} DESTINATION include/shardscope/${folder} COMPONENT library)
endforeach()

install(EXPORT ShardscopeTargets NAMESPACE Shardscope:: DESTINATION ${package_folder} COMPONENT library)
configure_package_config_file(cmake/ShardscopeConfig.cmake.in ${CMAKE_BINARY_DIR}/ShardscopeConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/ShardscopeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/ShardscopeConfig.cmake ${CMAKE_BINARY_DIR}/ShardscopeConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT library)
