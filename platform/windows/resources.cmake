# What the program carries beside its code: time zones, manifest, version, the event log's messages. Linked into every
# program of the tree, since each may ask for a time zone.
set(zones_file ${CMAKE_CURRENT_BINARY_DIR}/zones.bin)
set(resources ${CMAKE_CURRENT_BINARY_DIR}/tillsync.rc)
set(resources_object ${CMAKE_CURRENT_BINARY_DIR}/tillsync_rc.o)
string(REPLACE "." "," version_commas "${PROJECT_VERSION}.0")
configure_file(windows/tillsync.rc.in ${resources} @ONLY)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(WINDMC ${triple}-windmc REQUIRED)
set(tzdata /usr/share/zoneinfo/tzdata.zi)
add_custom_command(OUTPUT ${zones_file}
  COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/windows/pack_zones.py ${tzdata} ${zones_file}
  DEPENDS windows/pack_zones.py ${tzdata} VERBATIM)
add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/messages.rc ${CMAKE_CURRENT_BINARY_DIR}/messages.h
  COMMAND ${WINDMC} -h ${CMAKE_CURRENT_BINARY_DIR} -r ${CMAKE_CURRENT_BINARY_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/windows/messages.mc
  DEPENDS windows/messages.mc VERBATIM)
add_custom_command(OUTPUT ${resources_object}
  COMMAND ${CMAKE_RC_COMPILER} -I ${PROJECT_SOURCE_DIR} -I ${CMAKE_CURRENT_BINARY_DIR} ${resources} -o ${resources_object}
  DEPENDS ${resources} ${zones_file} ${CMAKE_CURRENT_BINARY_DIR}/messages.rc windows/resources.h windows/tillsync.manifest VERBATIM)
add_custom_target(tillsync_resources DEPENDS ${resources_object})
add_dependencies(tillsync_platform tillsync_resources)
target_include_directories(tillsync_platform SYSTEM PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(tillsync_platform INTERFACE ${resources_object}
  PRIVATE ws2_32 mswsock advapi32 crypt32 shell32 ole32 userenv)
