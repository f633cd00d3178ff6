# SPDX-License-Identifier: BSD-3-Clause
# Finds what the project is built on. Everything that is missing is named at
# once, in the words of the package manager.

include_guard()

find_package(PkgConfig)
if(NOT PKG_CONFIG_FOUND)
    message(FATAL_ERROR "pkg-config is not here. It finds the libraries that "
        "librsm is built on: install the Debian package pkg-config.")
endif()

set(rsm_missing "")

function(rsm_need found sentence)
    if(NOT found)
        set(rsm_missing "${rsm_missing}\n  - ${sentence}" PARENT_SCOPE)
    endif()
endfunction()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads)
rsm_need("${Threads_FOUND}"
    "POSIX threads, part of the C library: install the Debian package libc6-dev.")

pkg_check_modules(UCX IMPORTED_TARGET ucx>=1.13)
rsm_need("${UCX_FOUND}"
    "UCX 1.13 or later moves the data: install the Debian package libucx-dev.")

find_package(PMIx 4.0 QUIET)
rsm_need("${PMIx_FOUND}"
    "PMIx 4 or later connects the processes: install the Debian package libpmix-dev.")

pkg_check_modules(HWLOC IMPORTED_TARGET hwloc>=2.0)
rsm_need("${HWLOC_FOUND}"
    "hwloc 2 or later describes the machine: install the Debian package libhwloc-dev.")

find_path(UTHASH_INCLUDE_DIR uthash.h
    DOC "Folder of uthash.h")
mark_as_advanced(UTHASH_INCLUDE_DIR)
rsm_need("${UTHASH_INCLUDE_DIR}"
    "uthash provides lists and hash tables: install the Debian package uthash-dev.")

# The interposer knows the handles of Open MPI; others may be added.
find_package(MPI QUIET COMPONENTS C)
if(MPI_C_FOUND)
    include(CheckSymbolExists)
    set(CMAKE_REQUIRED_LIBRARIES MPI::MPI_C)
    check_symbol_exists(OPEN_MPI mpi.h RSM_MPI_IS_OPENMPI)
    unset(CMAKE_REQUIRED_LIBRARIES)
endif()
if(RSM_MPI_IS_OPENMPI)
    set(default ON)
else()
    set(default OFF)
endif()
option(RSM_BUILD_MPI "Build librsm_mpi, which serves MPI one-sided programs"
    ${default})
if(RSM_BUILD_MPI)
    rsm_need("${RSM_MPI_IS_OPENMPI}"
        "Open MPI is what librsm_mpi works with: install the Debian package libopenmpi-dev, or set RSM_BUILD_MPI to OFF.")
endif()

if(RSM_BUILD_TESTS OR RSM_BUILD_BENCHMARKS)
    rsm_need("${MPI_C_FOUND}"
        "MPI is what tests and comparisons run beside: install the Debian package libopenmpi-dev, or set RSM_BUILD_TESTS and RSM_BUILD_BENCHMARKS to OFF.")
endif()

if(RSM_BUILD_TESTS)
    pkg_check_modules(CRITERION IMPORTED_TARGET criterion>=2.4)
    rsm_need("${CRITERION_FOUND}"
        "Criterion runs the tests: install the Debian package libcriterion-dev, or set RSM_BUILD_TESTS to OFF.")

    # Debian installs several MPIs side by side; PMIx is Open MPI's way.
    find_program(RSM_MPIEXEC NAMES mpirun.openmpi mpirun
        DOC "mpirun of Open MPI, which starts the multi-process tests")
    set(is_openmpi FALSE)
    if(RSM_MPIEXEC)
        execute_process(COMMAND "${RSM_MPIEXEC}" --version
            OUTPUT_VARIABLE version ERROR_VARIABLE version)
        if(version MATCHES "Open MPI|OpenRTE|Open RTE")
            set(is_openmpi TRUE)
            string(REGEX MATCH "[0-9]+\\.[0-9.]+" RSM_MPIEXEC_VERSION
                "${version}")
        endif()
    endif()
    rsm_need("${is_openmpi}"
        "mpirun of Open MPI starts the tests: install the Debian package openmpi-bin, point RSM_MPIEXEC at it, or set RSM_BUILD_TESTS to OFF.")
endif()

if(rsm_missing)
    message(FATAL_ERROR "librsm cannot be built here yet:${rsm_missing}")
endif()
