# What `cmake --install` puts where. Each part belongs to a component, and each component is a Debian package of its name
# (SlowDeb.cmake): slow-router, libslow1, libslow-dev, slow-plugins.
#
#   bin                    the programs
#   LIBDIR                 libslow.so.1, for programs that embed a junction; libslow.a
#   LIBDIR/slow/1          the plugins: the 1 is the ABI's major
#   include/slow           the public API and the plugin ABI, in one folder
#   LIBDIR/pkgconfig       slow.pc for programs, slow-plugin.pc for plugins
#   LIBDIR/cmake           the same as find_package(Slow) and find_package(SlowSDK)
#   share/slow/template    a plugin of each kind to begin from
#   share/slow/python      the binding, one file for PYTHONPATH or to copy
#   share/doc/PACKAGE      sample configs, example programs and plugins, the pages of docs
#   share/man              manuals
#   share/{bash-completion,zsh,fish}   completions
#   lib/systemd/system     the router as a service, and lib/sysusers.d its user
#   etc/slow               the service's config: /etc/slow when the prefix is /usr
#
# A prefix may be any folder, and another than at configuration: the programs find libslow and the plugins by where they are.
include(CMakePackageConfigHelpers)
set(plugindir ${CMAKE_INSTALL_LIBDIR}/slow/${SLOW_ABI_MAJOR})

# slow_install_configured(FILE DESTINATION COMPONENT [KEEP]): with the prefix filled in; DESTINATION with its file name.
function(slow_install_configured FILE DESTINATION COMPONENT)
  get_filename_component(FILE ${FILE} ABSOLUTE)
  set(keep OFF)
  if("KEEP" IN_LIST ARGN)
    set(keep ON)
  endif()
  install(CODE "
    set(SLOW_VERSION ${PROJECT_VERSION})
    set(SLOW_DESCRIPTION \"${PROJECT_DESCRIPTION}\")
    set(SLOW_LIBDIR ${CMAKE_INSTALL_LIBDIR})
    set(SLOW_INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR})
    set(SLOW_ABI_MAJOR ${SLOW_ABI_MAJOR})
    set(from [[${FILE}]])
    set(to [[${DESTINATION}]])
    set(keep ${keep})
    set(scratch [[${CMAKE_BINARY_DIR}/install]])
    include([[${CMAKE_SOURCE_DIR}/cmake/InstallConfigured.cmake]])" COMPONENT ${COMPONENT})
endfunction()

# ---- slow-router: the programs, and the router as a service

set(programs slow-router slowctl slow-sim)
set_target_properties(${programs} PROPERTIES INSTALL_RPATH $ORIGIN/../${CMAKE_INSTALL_LIBDIR})
install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT slow-router)
file(GLOB configs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/etc/*.json)
install(FILES ${configs} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/slow-router/examples COMPONENT slow-router)
# Pages for who writes programs and plugins are in the same folder as what they speak of.
file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/*.md ${CMAKE_SOURCE_DIR}/sdk/*.md)
set(developing ${pages})
list(FILTER developing INCLUDE REGEX "/(write-[^/]*|embedding|wire|ABI)\\.md$")
list(REMOVE_ITEM pages ${developing})
install(FILES README.md SECURITY.md ${pages} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/slow-router COMPONENT slow-router)
slow_install_configured(etc/systemd/slow-router.service @prefix@/lib/systemd/system/slow-router.service slow-router)
slow_install_configured(etc/systemd/slow.sysusers @prefix@/lib/sysusers.d/slow.conf slow-router)
slow_install_configured(etc/systemd/router.json @sysconfdir@/slow/router.json slow-router KEEP)

add_subdirectory(tools/completions)
add_subdirectory(docs/man)

# ---- libslow1, libslow-dev: to embed a junction, and to write a plugin

install(TARGETS slow EXPORT Slow LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libslow1
  NAMELINK_COMPONENT libslow-dev INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set_target_properties(slow-sdk PROPERTIES EXPORT_NAME sdk)
install(TARGETS slow-sdk EXPORT SlowSDK)
if(NOT SLOW_STATIC_PLUGINS) # with them it would be no archive that suffices: their objects are in archives of their own
  install(TARGETS slow-static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libslow-dev)
endif()
if(TARGET slow-conform) # it tells who writes a plugin whether it keeps the contract
  set_target_properties(slow-conform PROPERTIES INSTALL_RPATH $ORIGIN/../${CMAKE_INSTALL_LIBDIR})
  install(TARGETS slow-conform RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT libslow-dev)
endif()
install(DIRECTORY sdk/slow core/include/slow DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT libslow-dev)
install(FILES plugins/codec-protobuf/package.proto DESTINATION ${CMAKE_INSTALL_DATADIR}/slow COMPONENT libslow-dev)
install(DIRECTORY sdk/template DESTINATION ${CMAKE_INSTALL_DATADIR}/slow COMPONENT libslow-dev)
install(FILES bindings/python/slow.py DESTINATION ${CMAKE_INSTALL_DATADIR}/slow/python COMPONENT libslow-dev)
install(FILES ${developing} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libslow-dev COMPONENT libslow-dev)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libslow-dev COMPONENT libslow-dev
  REGEX "/examples/(embed/)?CMakeLists\\.txt$" EXCLUDE)
foreach(pc slow slow-plugin)
  slow_install_configured(cmake/package/${pc}.pc.in @prefix@/${CMAKE_INSTALL_LIBDIR}/pkgconfig/${pc}.pc libslow-dev)
endforeach()
foreach(package Slow SlowSDK)
  set(folder ${CMAKE_INSTALL_LIBDIR}/cmake/${package})
  configure_package_config_file(cmake/package/${package}Config.cmake.in ${package}Config.cmake
    INSTALL_DESTINATION ${folder} PATH_VARS plugindir)
  write_basic_package_version_file(${package}ConfigVersion.cmake COMPATIBILITY SameMajorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/${package}Config.cmake ${CMAKE_BINARY_DIR}/${package}ConfigVersion.cmake
    DESTINATION ${folder} COMPONENT libslow-dev)
  install(EXPORT ${package} NAMESPACE Slow:: FILE ${package}Targets.cmake DESTINATION ${folder} COMPONENT libslow-dev)
endforeach()
install(FILES cmake/SlowModule.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/SlowSDK COMPONENT libslow-dev)
