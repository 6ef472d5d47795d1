# SPDX-License-Identifier: Apache-2.0
# Every room is one static library and every test one program; both read the same everywhere:
#   shardscope_module(traces SOURCES a.cpp b.cpp LINKS PUBLIC x PRIVATE y)
#   shardscope_test(traces SOURCES a_test.cpp LINKS y LABELS fast)
# The linker keeps the directions between rooms: what is not in LINKS cannot be used.

add_library(shardscope_options INTERFACE)
# -Wno-restrict, -Wno-maybe-uninitialized: false alarms of gcc 12 on std::string and std::variant.
target_compile_options(shardscope_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wno-missing-field-initializers -ffp-contract=off
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<BOOL:${SHARDSCOPE_WERROR}>:-Werror>)
target_include_directories(shardscope_options INTERFACE ${CMAKE_SOURCE_DIR})
if(SHARDSCOPE_SANITIZE)
  target_compile_options(shardscope_options INTERFACE -fsanitize=${SHARDSCOPE_SANITIZE} -fno-omit-frame-pointer
                                                      -fno-sanitize-recover=all)
  if(SHARDSCOPE_SANITIZE MATCHES thread) # gcc 12's false alarms on std::string there; the plain build has the warnings on
    target_compile_options(shardscope_options INTERFACE -Wno-array-bounds -Wno-stringop-overflow)
  endif()
  if(SHARDSCOPE_SANITIZE MATCHES undefined)
    # A null pointer faults by itself, and looking for it makes every access of a member longer.
    target_compile_options(shardscope_options INTERFACE -fno-sanitize=null)
  endif()
  target_link_options(shardscope_options INTERFACE -fsanitize=${SHARDSCOPE_SANITIZE})
endif()

if(SHARDSCOPE_LIBFUZZER)
  target_compile_options(shardscope_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

set(shardscope_standard_headers <algorithm> <array> <filesystem> <functional> <map> <memory> <mutex> <optional> <span> <string> <variant> <vector>)

function(shardscope_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(shardscope_${name} STATIC ${ARG_SOURCES})
  add_library(shardscope::${name} ALIAS shardscope_${name})
  target_link_libraries(shardscope_${name} PUBLIC $<BUILD_INTERFACE:shardscope_options>)
  if(ARG_LINKS)
    target_link_libraries(shardscope_${name} ${ARG_LINKS})
  endif()
  if(SHARDSCOPE_SANITIZE) # the plain build sees what a source forgets to include
    target_precompile_headers(shardscope_${name} PRIVATE ${shardscope_standard_headers})
  endif()
endfunction()

# Test programs are compiled more often than run; instrumented code takes four times as long to optimise as to run.
if(SHARDSCOPE_SANITIZE)
  set(SHARDSCOPE_TEST_OPTIONS -O0)
else()
  set(SHARDSCOPE_TEST_OPTIONS -O1)
endif()

function(shardscope_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(${name}_tests ${ARG_SOURCES})
  target_compile_options(${name}_tests PRIVATE ${SHARDSCOPE_TEST_OPTIONS})
  target_link_libraries(${name}_tests PRIVATE shardscope_options shardscope_catch ${ARG_LINKS})
  list(LENGTH ARG_SOURCES sources)
  if(sources GREATER 2) # else reading them once costs more than it saves
    target_precompile_headers(${name}_tests PRIVATE "${CMAKE_SOURCE_DIR}/tests/support/catch.h" ${shardscope_standard_headers})
  endif()
  set_target_properties(${name}_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name}_tests)
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 1800)
endfunction()

# A fuzz target is always built and run for a few seconds with a driver of our own; libFuzzer can take its place.
#   shardscope_fuzz(import_json SOURCES import_json_fuzz.cpp LINKS shardscope::traces)
function(shardscope_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  set(target ${name}_fuzz)
  set(driver fuzz_driver.cpp)
  if(SHARDSCOPE_LIBFUZZER)
    set(driver libfuzzer_driver.cpp)
  endif()
  add_executable(${target} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/support/${driver})
  target_compile_options(${target} PRIVATE -O1)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE shardscope_options ${ARG_LINKS})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_dependencies(fuzz_targets ${target})
  if(SHARDSCOPE_LIBFUZZER)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    return()
  endif()
  add_test(NAME ${target} COMMAND ${target})
  set_tests_properties(${target} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
add_custom_target(fuzz_targets)
