# SPDX-License-Identifier: BSD-3-Clause
# What every target of this project has in common. Nothing here is global:
# a target that is not passed to one of these functions gets nothing.

include_guard()

if(NOT RSM_SANITIZE MATCHES "^(|address,undefined|thread|fuzzer)$")
    message(FATAL_ERROR "RSM_SANITIZE is \"${RSM_SANITIZE}\"; it can be "
        "empty, \"address,undefined\", \"thread\" or \"fuzzer\" (clang).")
endif()
# Fuzzers find what the others notice; only they have libFuzzer's main().
string(REPLACE "fuzzer" "fuzzer-no-link,address,undefined"
    rsm_sanitizers "${RSM_SANITIZE}")

set(rsm_warnings
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wconversion -Wno-sign-conversion
    $<$<C_COMPILER_ID:Clang>:-Wthread-safety>
    $<$<BOOL:${RSM_WERROR}>:-Werror>)

# Language, warnings, sanitizers and coverage.
function(rsm_target_defaults target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS ON
        C_VISIBILITY_PRESET hidden)
    # Empty, so that sources which define it themselves agree.
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE=)
    target_compile_options(${target} PRIVATE ${rsm_warnings})

    if(RSM_SANITIZE)
        # UBSan only prints unless told not to recover.
        target_compile_options(${target} PRIVATE
            -fsanitize=${rsm_sanitizers} -fno-omit-frame-pointer
            -fno-sanitize-recover=all)
        target_link_options(${target} PRIVATE -fsanitize=${rsm_sanitizers})
    endif()
    if(RSM_COVERAGE)
        # Threads and processes of one program count into one file.
        target_compile_options(${target} PRIVATE
            --coverage -fprofile-update=atomic)
        target_link_options(${target} PRIVATE --coverage)
    endif()
endfunction()

# Whether one of the sources includes the header, for programs that say in
# their source alone that they use MPI or UCX.
function(rsm_sources_include result header)
    string(REPLACE "." "\\." pattern "${header}")
    set(found FALSE)
    foreach(source IN LISTS ARGN)
        file(STRINGS "${source}" lines
            REGEX "^#[ ]*include[ ]*[<\"]${pattern}[>\"]")
        if(lines)
            set(found TRUE)
        endif()
    endforeach()
    set(${result} ${found} PARENT_SCOPE)
endfunction()

# A program that uses the library as a user's would: public headers, shared
# library. MPI and UCX are linked where its sources include them.
function(rsm_add_program target)
    add_executable(${target} ${ARGN})
    rsm_target_defaults(${target})
    target_link_libraries(${target} PRIVATE rsm::rsm Threads::Threads m)
    # Installed programs find the library beside them, wherever that is.
    file(RELATIVE_PATH to_library
        ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
    set_target_properties(${target} PROPERTIES
        INSTALL_RPATH "$ORIGIN/${to_library}")

    set(sources ${ARGN})
    list(TRANSFORM sources PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/"
        REGEX "^[^/]")
    rsm_sources_include(uses_mpi mpi.h ${sources})
    if(uses_mpi)
        target_link_libraries(${target} PRIVATE MPI::MPI_C)
    endif()
    rsm_sources_include(uses_ucx ucp/api/ucp.h ${sources})
    if(uses_ucx)
        target_link_libraries(${target} PRIVATE PkgConfig::UCX)
    endif()
endfunction()
