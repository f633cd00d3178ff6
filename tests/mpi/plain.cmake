# SPDX-License-Identifier: BSD-3-Clause
# What Open MPI 4.1.4 alone does not do as the standard says. A test that is
# right and fails there is listed here, with the variables under which it
# passes (another component, or without the cases that no component serves),
# and with what goes wrong without them.
#
# SKIP: no component passes; the test runs with librsm_mpi only.

set(rsm_mpi_plain_names "")

# rsm_mpi_plain(SUITE/NAME "what goes wrong" VARIABLE=value..)
function(rsm_mpi_plain name reason)
    set(rsm_mpi_plain_names ${rsm_mpi_plain_names} ${name} PARENT_SCOPE)
    set("rsm_mpi_plain_${name}" "${ARGN}" PARENT_SCOPE)
endfunction()

function(rsm_mpi_plain_environment result name)
    set_property(GLOBAL APPEND PROPERTY RSM_MPI_TEST_NAMES ${name})
    set(${result} "${rsm_mpi_plain_${name}}" PARENT_SCOPE)
endfunction()

# A name in the table that no test has any more is a mistake.
function(rsm_mpi_plain_check)
    get_property(names GLOBAL PROPERTY RSM_MPI_TEST_NAMES)
    foreach(name IN LISTS rsm_mpi_plain_names)
        if(NOT name IN_LIST names)
            message(FATAL_ERROR "tests/mpi/plain.cmake: no test ${name}")
        endif()
    endforeach()
endfunction()
