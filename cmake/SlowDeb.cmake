# `cpack -G DEB` in build/release: the components of SlowInstall.cmake as Debian packages.
#
#   slow-router    the programs, and the router as a service     needs libslow1 and slow-plugins, and a maker of users
#   libslow1       for programs that embed a junction            recommends slow-plugins: with none it can do nothing
#   slow-plugins   transports, strategies, codecs, security      recommends what security-noise looks for at run time
#   libslow-dev    to write such a program, or a plugin          needs libslow1 alone
#
# What a program is linked with, dpkg-shlibdeps finds out. Libraries are in /usr/lib, not in a folder of the architecture:
# that would have to be known when Slow is configured, and then a build for packages could not be one for tests. Where Slow
# was configured to be, /usr/local, libslow looks for plugins last: so what a stranger's `cmake --install` brings is found. No
# package starts anything. There are no debug packages: who debugs, builds.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME slow)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${CMAKE_PROJECT_NAME} built using CMake") # cpack's default, which it leaves out
set(CPACK_PACKAGE_CONTACT "The Slow authors <authors@slow.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # for /etc, and for what has the prefix within
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL slow-router libslow1 slow-plugins libslow-dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
  WORLD_EXECUTE)
set(CPACK_SLOW_SOURCE ${CMAKE_SOURCE_DIR})
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/package/debian/Finish.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/lib) # libslow1 is in no package yet
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# slow_deb(COMPONENT SECTION SUMMARY DESCRIPTION [DEPENDS ...] [RECOMMENDS ...] [SUGGESTS ...] [CONTROL FILE...])
macro(slow_deb COMPONENT SECTION SUMMARY DESCRIPTION)
  cmake_parse_arguments(DEB "" "" "DEPENDS;RECOMMENDS;SUGGESTS;CONTROL" ${ARGN})
  string(TOUPPER ${COMPONENT} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${COMPONENT})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${SECTION})
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${SUMMARY}\n${DESCRIPTION}")
  foreach(field DEPENDS RECOMMENDS SUGGESTS)
    list(JOIN DEB_${field} ", " CPACK_DEBIAN_${upper}_PACKAGE_${field})
  endforeach()
  list(TRANSFORM DEB_CONTROL PREPEND ${CMAKE_SOURCE_DIR}/cmake/package/debian/
    OUTPUT_VARIABLE CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA)
endmacro()

set(same "(= ${PROJECT_VERSION})")
slow_deb(slow-router net "decentralised message router"
"A junction of a Slow mesh joins by the address of any other, finds routes by
itself, and delivers messages to any junction by its id. With slowctl, which
looks at a running router, and slow-sim, which tries networks in virtual time."
  DEPENDS "libslow1 ${same}" "slow-plugins ${same}" "systemd-standalone-sysusers | systemd-sysusers" passwd
  CONTROL conffiles postinst prerm postrm)
slow_deb(libslow1 libs "decentralised message router, to embed in a program"
"A library by which a program is a junction of a Slow mesh itself: it sends and
receives messages, and passes on those of others."
  RECOMMENDS "slow-plugins ${same}" CONTROL shlibs triggers)
set(at_run_time libssl3)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64)
  list(APPEND at_run_time libipsec-mb1)
endif()
slow_deb(slow-plugins libs "what a junction of a Slow mesh is made of"
"Transports over UDP, TCP and Unix sockets, routing strategies, codecs, and
link security, as plugins of libslow1."
  RECOMMENDS ${at_run_time})
slow_deb(libslow-dev libdevel "to write programs with, and plugins for, Slow"
"The public API of libslow1 and the plugin ABI: headers, pkg-config files, CMake
packages, a template of a plugin to begin from, and examples."
  DEPENDS "libslow1 ${same}" RECOMMENDS "slow-plugins ${same}" SUGGESTS pkg-config cmake libevent-dev)

include(CPack)
