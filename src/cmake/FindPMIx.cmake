# SPDX-License-Identifier: BSD-3-Clause
#[=======================================================================[
FindPMIx
--------

Finds the client library of PMIx: by pkg-config, else by looking where
distributions put it.

Hint: PMIx_ROOT (CMake or environment), the prefix it was installed to.

Result: PMIx_FOUND, PMIx_VERSION, and the imported target PMIx::pmix.
#]=======================================================================]

find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
    pkg_check_modules(PC_PMIX QUIET pmix)
endif()

# Debian keeps the header out of the default path, because an MPI may bring
# a PMIx of its own.
find_path(PMIx_INCLUDE_DIR pmix.h
    HINTS ${PC_PMIX_INCLUDE_DIRS}
    PATH_SUFFIXES
        include
        lib/${CMAKE_LIBRARY_ARCHITECTURE}/pmix2/include
        lib/${CMAKE_LIBRARY_ARCHITECTURE}/pmix/include
        lib/pmix/include
    DOC "Folder of pmix.h")
find_library(PMIx_LIBRARY pmix
    HINTS ${PC_PMIX_LIBRARY_DIRS}
    PATH_SUFFIXES
        lib/${CMAKE_LIBRARY_ARCHITECTURE}/pmix2/lib
        lib/${CMAKE_LIBRARY_ARCHITECTURE}/pmix/lib
        lib/pmix/lib
    DOC "PMIx library")
mark_as_advanced(PMIx_INCLUDE_DIR PMIx_LIBRARY)

set(PMIx_VERSION "${PC_PMIX_VERSION}")
if(PMIx_INCLUDE_DIR AND NOT PMIx_VERSION
        AND EXISTS "${PMIx_INCLUDE_DIR}/pmix_version.h")
    file(STRINGS "${PMIx_INCLUDE_DIR}/pmix_version.h" lines
        REGEX "^#define PMIX_VERSION_(MAJOR|MINOR|RELEASE) +[0-9]+")
    list(TRANSFORM lines REPLACE "^[^ ]+ [^ ]+ +([0-9]+).*$" "\\1")
    list(JOIN lines "." PMIx_VERSION)
    unset(lines)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(PMIx
    REQUIRED_VARS PMIx_LIBRARY PMIx_INCLUDE_DIR
    VERSION_VAR PMIx_VERSION
    REASON_FAILURE_MESSAGE
        "PMIx connects the processes of a job: install the Debian package libpmix-dev, or set PMIx_ROOT.")

if(PMIx_FOUND AND NOT TARGET PMIx::pmix)
    add_library(PMIx::pmix UNKNOWN IMPORTED)
    set_target_properties(PMIx::pmix PROPERTIES
        IMPORTED_LOCATION "${PMIx_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${PMIx_INCLUDE_DIR}")
endif()
