# cmake -D TEMPLATE=... -D ELSEWHERE=... -D SDK=... -D COMPILER=... -D GENERATOR=... -P out_of_tree.cmake
# Copies the template away from the source tree, gives it a copy of slow/ and nothing else, and builds it there.
file(REMOVE_RECURSE ${ELSEWHERE})
file(COPY ${TEMPLATE} DESTINATION ${ELSEWHERE})
file(COPY ${SDK}/slow DESTINATION ${ELSEWHERE}/include)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "the template does not build outside of the source tree")
  endif()
endfunction()

set(build ${ELSEWHERE}/build)
run(${CMAKE_COMMAND} -S ${ELSEWHERE}/template -B ${build} -G ${GENERATOR} -D SLOW_SDK=${ELSEWHERE}/include
  -D CMAKE_C_COMPILER=${COMPILER})
run(${CMAKE_COMMAND} --build ${build})
if(NOT EXISTS ${build}/routing-template.so)
  message(FATAL_ERROR "the template was built, but there is no ${build}/routing-template.so")
endif()
