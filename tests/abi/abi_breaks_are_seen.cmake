# cmake -D SOURCE=... -D ABI=... -D COPY=... -D C=... -D CXX=... -P abi_breaks_are_seen.cmake
# Breaks the ABI, or the API, in a copy of their headers, in each of the ways in which it happens by mistake, and expects both compilers to
# refuse it; an untouched copy has to compile.

function(compiles OUT)
  execute_process(COMMAND ${C} -std=c11 -I${COPY} -fsyntax-only ${ABI}/${GOLDEN}.c RESULT_VARIABLE c ERROR_VARIABLE text)
  execute_process(COMMAND ${CXX} -std=c++11 -I${COPY} -fsyntax-only ${ABI}/${GOLDEN}.cc RESULT_VARIABLE cxx
    ERROR_VARIABLE text)
  if(c EQUAL 0 AND cxx EQUAL 0)
    set(${OUT} both PARENT_SCOPE)
  elseif(c EQUAL 0 OR cxx EQUAL 0)
    set(${OUT} one PARENT_SCOPE)
  else()
    set(${OUT} none PARENT_SCOPE)
  endif()
endfunction()

# breaks(HEADER OLD NEW WHAT)
function(breaks HEADER OLD NEW WHAT)
  file(READ ${COPY}/slow/${HEADER} text)
  string(REPLACE "${OLD}" "${NEW}" broken "${text}")
  if(broken STREQUAL text)
    message(FATAL_ERROR "${HEADER} has no longer \"${OLD}\": write this control anew")
  endif()
  file(WRITE ${COPY}/slow/${HEADER} "${broken}")
  compiles(result)
  file(WRITE ${COPY}/slow/${HEADER} "${text}")
  if(NOT result STREQUAL none)
    message(FATAL_ERROR "${HEADER}: ${WHAT}, and a compiler takes it")
  endif()
endfunction()

file(REMOVE_RECURSE ${COPY})
file(COPY ${SOURCE}/sdk/slow ${SOURCE}/core/include/slow DESTINATION ${COPY})
foreach(GOLDEN abi_v1 api_v1)
  compiles(result)
  if(NOT result STREQUAL both)
    message(FATAL_ERROR "${GOLDEN}.h with the headers as they are does not compile")
  endif()
endforeach()

set(GOLDEN abi_v1)
breaks(routing.h "const char *protocol;" "const char *motto, *protocol;" "a member in the middle of a table")
breaks(routing.h "void (*neighbour_down)(void *self, slow_link);" "void (*neighbour_down)(void *self, uint64_t);"
  "another type of a callback's argument")
breaks(routing.h "bool (*verify)" "slow_status (*verify)" "another type of a callback's result")
breaks(routing.h "SLOW_ROUTE_MESSAGE_MAX 1000u" "SLOW_ROUTE_MESSAGE_MAX 1200u" "another limit")
breaks(routing.h "slow.routing-host/1" "slow.routing-host/2" "another name of a service")
breaks(package.h "uint16_t at; " "uint32_t at; " "a wider member of a frozen struct")
breaks(plugin.h "uint16_t abi_major, abi_minor; " "uint16_t abi_minor, abi_major; " "two members that change places")
breaks(base.h "SLOW_E_FAIL = -1" "SLOW_E_FAIL = -20" "another number of a status")
breaks(packet.h "uint32_t segment; " "uint32_t segment, more; " "a frozen struct that grows")
breaks(inspect.h "size_t (*pending)" "uint64_t (*requests_too)" "a member of an extension with another name")
breaks(wire.h "slow_read_u16(slow_reader *r)" "slow_read_u16(slow_reader *r, int more)" "another argument of an inline function")

set(GOLDEN api_v1)
breaks(junction.h "SLOW_REASON_EXPIRED = 1," "SLOW_REASON_EXPIRED = 11," "another number of a reason")
breaks(junction.h "bool fail_fast;" "uint64_t more; bool fail_fast;" "a member in the middle of what a caller fills in")
breaks(junction.h "uint64_t reserved[2]; /* zero for now */
    /* For a person" "uint64_t reserved[3]; /* zero for now */
    /* For a person" "a frozen struct that grows")
breaks(junction.h "slow_ping(slow_junction *, const char *id," "slow_ping(slow_junction *, char *id," "another type of an argument")
breaks(identity.h "SLOW_CERTIFICATE_TEXT 512" "SLOW_CERTIFICATE_TEXT 1024" "a larger array that a caller brings")
breaks(router.h "bool log_json; " "int log_json; " "another type of a member")
