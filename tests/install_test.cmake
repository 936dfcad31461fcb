# Installs the build into a scratch folder, runs the installed binary away from the sources, and builds and runs
# the example that finds the installed package.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGV}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR}/elsewhere)
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix)
run(${CMAKE_COMMAND} -E chdir ${WORK_DIR}/elsewhere ${WORK_DIR}/prefix/bin/perfmodel --version)
run(${CMAKE_COMMAND} -E chdir ${WORK_DIR}/elsewhere ${WORK_DIR}/prefix/bin/perfmodel predict llama2_block.yaml)

# The documents come along, recordings and scripts do not.
set(documents ${WORK_DIR}/prefix/share/doc/perfmodel)
foreach(file README.md docs/calibrate.md docs/predict.schema.json validate/README.md)
  if(NOT EXISTS ${documents}/${file})
    message(FATAL_ERROR "${file} was not installed")
  endif()
endforeach()
file(GLOB_RECURSE unwanted ${WORK_DIR}/prefix/*.jsonl ${WORK_DIR}/prefix/*.sh ${WORK_DIR}/prefix/*.cu)
if(unwanted)
  message(FATAL_ERROR "installed: ${unwanted}")
endif()

run(${CMAKE_COMMAND} -S ${EXAMPLE_DIR} -B ${WORK_DIR}/example -G Ninja
  -D CMAKE_PREFIX_PATH=${WORK_DIR}/prefix -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${WORK_DIR}/example)
run(${WORK_DIR}/example/example)
if(NOT output MATCHES "3.35 TB/s")
  message(FATAL_ERROR "the example printed: ${output}")
endif()
