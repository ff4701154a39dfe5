# Run by cpack once a package's files are in their folder, CPACK_TEMPORARY_INSTALL_DIRECTORY, and before they are packed: what
# a Debian package has and an installation by hand does not. The licence and the changelog in the package's own doc folder;
# manuals packed by gzip; no debug information in libslow.a, which cpack strips nothing of; and no RPATH, since libslow is where
# the dynamic linker looks.
file(GLOB components ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*)
foreach(folder ${components})
  get_filename_component(package ${folder} NAME)
  set(doc ${folder}/usr/share/doc/${package})
  file(MAKE_DIRECTORY ${doc})
  configure_file(${CPACK_SLOW_SOURCE}/LICENSE ${doc}/copyright COPYONLY)
  configure_file(${CPACK_SLOW_SOURCE}/CHANGELOG.md ${doc}/CHANGELOG.md COPYONLY)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog ${doc}/changelog @ONLY)
  file(GLOB manuals ${folder}/usr/share/man/man*/*)
  execute_process(COMMAND gzip --best --no-name --force ${doc}/changelog ${doc}/CHANGELOG.md ${manuals} COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB archives ${folder}/usr/lib/*.a)
  if(archives)
    execute_process(COMMAND strip --strip-debug ${archives} COMMAND_ERROR_IS_FATAL ANY)
  endif()
  file(GLOB programs ${folder}/usr/bin/*)
  foreach(program ${programs})
    file(RPATH_REMOVE FILE ${program})
  endforeach()
endforeach()
