# SPDX-License-Identifier: BSD-3-Clause
# What configure has decided, in one block.

function(rsm_summary_line name value)
    string(LENGTH "${name}" length)
    math(EXPR length "18 - ${length}")
    string(REPEAT " " ${length} blanks)
    message(STATUS "  ${name}${blanks}${value}")
endfunction()

message(STATUS "")
message(STATUS "librsm ${PROJECT_VERSION}")
rsm_summary_line("compiler"
    "${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}, ${CMAKE_BUILD_TYPE}")
rsm_summary_line("UCX" "${UCX_VERSION}")
rsm_summary_line("PMIx" "${PMIx_VERSION}")
rsm_summary_line("hwloc" "${HWLOC_VERSION}")
if(RSM_BUILD_TESTS)
    rsm_summary_line("tests"
        "yes (Criterion ${CRITERION_VERSION}, Open MPI ${RSM_MPIEXEC_VERSION})")
else()
    rsm_summary_line("tests" "no")
endif()
rsm_summary_line("benchmarks" "${RSM_BUILD_BENCHMARKS}")
rsm_summary_line("manual pages" "${RSM_BUILD_MAN}")
rsm_summary_line("warnings fatal" "${RSM_WERROR}")
if(RSM_SANITIZE)
    rsm_summary_line("sanitizers" "${RSM_SANITIZE}")
else()
    rsm_summary_line("sanitizers" "none")
endif()
rsm_summary_line("coverage" "${RSM_COVERAGE}")
rsm_summary_line("install to" "${CMAKE_INSTALL_PREFIX}")
message(STATUS "")
