# SPDX-License-Identifier: Apache-2.0
# Puts the project's documentation into the program as the text that is trained on by default.
#   include(embed_text)
#   shardscope_embed_corpus(shardscope_core_runtime)   # adds a generated corpus.cpp that defines builtinCorpus()
# The same file, run with `cmake -P`, is the generator: it writes the files as numbers, because CMake's own strings lose
# brackets and semicolons, and compilers limit the length of literals.

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  set(bytes "")
  string(REPLACE "|" ";" inputs "${INPUTS}")
  foreach(input IN LISTS inputs)
    file(READ "${input}" hex HEX)
    string(APPEND bytes "${hex}0a")
  endforeach()
  string(REGEX REPLACE "(................................................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  file(WRITE "${OUTPUT}" "// Generated from the project's documentation; do not edit.
#include \"core_runtime/corpus.h\"

namespace shardscope {
namespace {
constexpr unsigned char corpus[] = {
${bytes}
};
} // namespace

std::string_view builtinCorpus() { return {reinterpret_cast<const char*>(corpus), sizeof corpus}; }

} // namespace shardscope
")
  return()
endif()

set(SHARDSCOPE_EMBED_TEXT_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(shardscope_embed_corpus target)
  file(GLOB documents CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/docs/*.md
       ${CMAKE_SOURCE_DIR}/*/README.md ${CMAKE_SOURCE_DIR}/traces/FORMAT.md)
  list(SORT documents)
  set(total 0)
  foreach(document IN LISTS documents)
    file(SIZE ${document} size)
    math(EXPR total "${total} + ${size}")
  endforeach()
  if(total LESS 8192) # a tree whose documentation was cut away still trains, on the interfaces
    file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core_runtime/*.h ${CMAKE_SOURCE_DIR}/traces/*.h)
    list(APPEND documents ${headers})
  endif()
  string(REPLACE ";" "|" inputs "${documents}")
  set(output ${CMAKE_CURRENT_BINARY_DIR}/corpus.cpp)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} "-DINPUTS=${inputs}" "-DOUTPUT=${output}" -P ${SHARDSCOPE_EMBED_TEXT_SCRIPT}
    DEPENDS ${documents} ${SHARDSCOPE_EMBED_TEXT_SCRIPT}
    COMMENT "Embedding the documentation as the default training text"
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
