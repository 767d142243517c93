# Writes OUTPUT, a header with the version and the git commit of SOURCE, when they changed. Run at each build:
#   cmake -DSOURCE=... -DVERSION=... -DOUTPUT=... -P commit.cmake
# Sources without their .git (an image's) have the commit from the environment.
set(commit "$ENV{PENUMBRA_COMMIT}")
if(EXISTS ${SOURCE}/.git)
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT commit)
  set(commit unknown)
endif()
set(text "#define PENUMBRA_VERSION \"${VERSION}\"\n#define PENUMBRA_COMMIT \"${commit}\"\n")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
