# slow_add_module(ID SDK SOURCE... [LIBRARIES LIBRARY...]): what a plugin is as a file. The tree's own slow_add_plugin() and
# that of the installed SDK both stand on this, so that a stranger's plugin is built as ours are.
#
# The shared object ID.so: its name is the plugin's id, so no lib in front; hidden symbols, slow_module_vN() the only one
# exported, also where a library that is linked in, or C++, would export more; nothing left undefined, since the host opens
# it with RTLD_NOW and it should rather fail here; and never unmapped.
function(slow_add_module ID SDK)
  cmake_parse_arguments(MODULE "" "" "LIBRARIES" ${ARGN})
  add_library(${ID} MODULE ${MODULE_UNPARSED_ARGUMENTS})
  target_link_libraries(${ID} PRIVATE ${SDK} ${MODULE_LIBRARIES})
  set(exports ${CMAKE_CURRENT_BINARY_DIR}/${ID}.exports)
  file(GENERATE OUTPUT ${exports} CONTENT "{ global: slow_module_v${SLOW_ABI_MAJOR}; local: *; };\n")
  set_target_properties(${ID} PROPERTIES PREFIX "" SUFFIX ".so" INSTALL_RPATH "" LINK_DEPENDS ${exports}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_link_options(${ID} PRIVATE -Wl,-z,nodelete -Wl,--version-script=${exports})
  if(NOT SLOW_SANITIZE) # what a sanitizer needs is in the program that loads the plugin
    target_link_options(${ID} PRIVATE -Wl,-z,defs)
  endif()
endfunction()
