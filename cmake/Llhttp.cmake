# llhttp as Debian's node-llhttp ships it: C sources. Built here because the packaged default is lenient; LLHTTP_STRICT_MODE
# refuses what smuggles a request past a front end (CVE-2023-30589, a space before the colon, chunk data without its CRLF).
find_path(LLHTTP_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp)
find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
if(NOT LLHTTP_INCLUDE_DIR OR NOT LLHTTP_SOURCE_DIR)
  message(FATAL_ERROR "llhttp is missing: apt-get install node-llhttp, or set LLHTTP_INCLUDE_DIR and LLHTTP_SOURCE_DIR")
endif()

add_library(owind_llhttp STATIC ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c ${LLHTTP_SOURCE_DIR}/llhttp.c)
target_include_directories(owind_llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR})
target_compile_definitions(owind_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
# Not our code: its warnings are not ours either.
target_compile_options(owind_llhttp PRIVATE -w -O2 -fstack-protector-strong)
if(OWIND_SANITIZE)
  target_compile_options(owind_llhttp PRIVATE -fsanitize=${OWIND_SANITIZE} -fno-omit-frame-pointer)
endif()
if(OWIND_FUZZ)
  target_compile_options(owind_llhttp PRIVATE -fsanitize=fuzzer-no-link)
endif()
