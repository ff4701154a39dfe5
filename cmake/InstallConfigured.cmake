# Run by an install: the file `from`, with the places of this installation filled in, is installed as `to`.
#
# The prefix is known only now: `cmake --install --prefix X` and cpack take another than the build was configured with. So
# what has the prefix within is made when it is installed, and a build is right wherever it goes. What belongs into /etc
# goes there with the prefix /usr, and below the prefix with any other, as the GNU standards and GNUInstallDirs have it.
#
# `keep`: a file that is there already stays as it is; somebody may have edited it.
cmake_policy(VERSION 3.25)
get_filename_component(prefix "${CMAKE_INSTALL_PREFIX}" ABSOLUTE)
if(prefix STREQUAL "/usr")
  set(sysconfdir /etc)
  set(zsh_completions share/zsh/vendor-completions)
else()
  set(zsh_completions share/zsh/site-functions)
  set(sysconfdir ${prefix}/etc)
endif()
string(CONFIGURE "${to}" to @ONLY)
get_filename_component(name ${to} NAME)
get_filename_component(folder ${to} DIRECTORY)
if(keep AND EXISTS "$ENV{DESTDIR}${to}")
  message(STATUS "Kept: $ENV{DESTDIR}${to}")
else()
  file(READ ${from} text)
  string(REPLACE "/usr/local/" "${prefix}/" text "${text}")
  string(REPLACE "/etc/slow" "${sysconfdir}/slow" text "${text}")
  string(CONFIGURE "${text}" text @ONLY)
  # Of one build there may be several installs at once.
  string(SHA256 key "$ENV{DESTDIR}${to}")
  file(WRITE ${scratch}/${key}/${name} "${text}")
  file(INSTALL ${scratch}/${key}/${name} DESTINATION ${folder})
  file(REMOVE_RECURSE ${scratch}/${key})
endif()
