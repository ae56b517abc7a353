# Compiler settings that every room shares, and the two functions that declare rooms and their tests.

# An interface library: warnings as errors for our own code, hardening, sanitizers.
add_library(owind_options INTERFACE)
target_include_directories(owind_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(owind_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror
  -fstack-protector-strong $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
target_link_options(owind_options INTERFACE -Wl,-z,relro,-z,now)
if(OWIND_SANITIZE)
  target_compile_options(owind_options INTERFACE -fsanitize=${OWIND_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(owind_options INTERFACE -fsanitize=${OWIND_SANITIZE})
  if(OWIND_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # ThreadSanitizer does not see fences, and GCC says so of each that Boost.Asio has. Asio's fences stand beside mutexes.
    target_compile_options(owind_options INTERFACE -Wno-tsan)
  endif()
endif()

# owind_room(NAME DEPENDS room... LIBRARIES lib...): a static library owind_NAME of all *.cpp in the current folder
# (not below it). DEPENDS are other rooms; the layering test checks the same table against every #include.
function(owind_room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(sources)
    add_library(owind_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(owind_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(owind_${name} ${scope} owind_options ${ROOM_LIBRARIES})
  foreach(room IN LISTS ROOM_DEPENDS)
    target_link_libraries(owind_${name} ${scope} owind_${room})
  endforeach()
endfunction()

# owind_test(NAME SOURCES file... LIBRARIES target...): a doctest executable, one ctest case.
function(owind_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${TEST_SOURCES} ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp)
  target_link_libraries(${name} PRIVATE owind_options Threads::Threads ${TEST_LIBRARIES})
  add_test(NAME ${name} COMMAND ${name})
endfunction()
