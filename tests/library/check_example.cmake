# SPDX-License-Identifier: Apache-2.0
# Installs the library into an empty folder, builds the documented example against it alone, and runs it twice over.
#   cmake -DBUILD=... -DEXAMPLE=... -DWORK=... -DCOMPILER=... -DGENERATOR=... -P check_example.cmake
function(run)
  execute_process(COMMAND ${ARGV} OUTPUT_VARIABLE out ERROR_VARIABLE out RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${ARGV} failed:\n${out}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --component library --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -S ${EXAMPLE} -B ${WORK}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
    -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/example ${WORK}/checkpoints)
foreach(expected IN ITEMS "ZeRO-2 loss [0-9.]+ in step 3" "ZeRO-3 loss [0-9.]+ in step 7" "checkpoints/global_step8" "collectives heard")
  if(NOT out MATCHES "${expected}")
    message(FATAL_ERROR "The example did not print '${expected}':\n${out}")
  endif()
endforeach()
if(out MATCHES "\n0 collectives")
  message(FATAL_ERROR "The listener heard nothing:\n${out}")
endif()
