# SPDX-License-Identifier: BSD-3-Clause
# What Open MPI 4.1.4 alone does not do as the standard says. Every test runs on
# it as well as on librsm_mpi. A test that is right and fails there is listed
# here with what goes wrong, with the component under which it passes, and with
# the cases that no component serves (RSM_MPI_TEST_WITHOUT, see mpi_test.h).
#
# By default windows that are made or attached are served by osc/rdma, those
# that are allocated by osc/sm. osc/pt2pt does most as it should.

set(rsm_mpi_plain_names "")

# rsm_mpi_plain(SUITE/NAME "what goes wrong" VARIABLE=value..)
function(rsm_mpi_plain name)
    list(POP_FRONT ARGN) # the reason
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

set(rsm_mpi_pt2pt OMPI_MCA_osc=pt2pt,sm)

# --- operations --------------------------------------------------------------

# A pair of unlike types has two predefined types in Open MPI's eyes.
set(what "osc/rdma does logical operations bit by bit; osc/pt2pt ends the \
program at MINLOC and MAXLOC of pairs of unlike types")
foreach(name accumulate raccumulate)
    rsm_mpi_plain(operations/${name} ${what} ${rsm_mpi_pt2pt}
        "RSM_MPI_TEST_WITHOUT=*/MPI_*_INT/MPI_*LOC")
endforeach()
rsm_mpi_plain(operations/fetch_and_op
    "the same, and osc/pt2pt loses the index of a pair of short and int"
    ${rsm_mpi_pt2pt}
    "RSM_MPI_TEST_WITHOUT=*/MPI_*_INT/MPI_*LOC */MPI_SHORT_INT/*")
foreach(name get_accumulate rget_accumulate)
    rsm_mpi_plain(operations/${name}
        "the same, and osc/pt2pt crashes with pairs of unlike types"
        ${rsm_mpi_pt2pt} "RSM_MPI_TEST_WITHOUT=*/MPI_*_INT/*")
endforeach()
rsm_mpi_plain(operations/small_sums_go_round
    "sums of many stop at the largest number on processors that can do so"
    "RSM_MPI_TEST_WITHOUT=create allocate shared dynamic")
rsm_mpi_plain(operations/compare_and_swap_in_place
    "most components compare with what they have just put there"
    "RSM_MPI_TEST_WITHOUT=create allocate shared dynamic")
rsm_mpi_plain(operations/compare_and_swap
    "osc/rdma crashes with 8 bytes in an allocated window" ${rsm_mpi_pt2pt})
rsm_mpi_plain(atomics/compare_and_swap_makes_a_lock
    "osc/rdma crashes with 8 bytes in an allocated window" ${rsm_mpi_pt2pt})

# --- windows -----------------------------------------------------------------

rsm_mpi_plain(windows/lie_over_subcommunicators
    "osc/rdma names shared memory after the communicator's number, which \
communicators of other processes have, too: one removes the other's"
    ${rsm_mpi_pt2pt})

# --- datatypes ---------------------------------------------------------------

rsm_mpi_plain(elements/empty_blocks_say_nothing
    "every component takes the type of blocks without elements for one of the \
types that it computes with: MPI_ERR_ARG"
    "RSM_MPI_TEST_WITHOUT=*/accumulate")

rsm_mpi_plain(derived/accumulate
    "osc/rdma takes 20 seconds where others take half a one" ${rsm_mpi_pt2pt})
rsm_mpi_plain(derived/get_accumulate
    "osc/rdma leaves zeros in a result that does not lie in one piece"
    ${rsm_mpi_pt2pt})
rsm_mpi_plain(derived/bottom_and_absolute_addresses
    "osc/rdma takes no absolute addresses at the target: MPI_ERR_RMA_RANGE"
    ${rsm_mpi_pt2pt})

# --- synchronisation ---------------------------------------------------------

rsm_mpi_plain(pscw/takes_all_assertions
    "every component hangs when MPI_MODE_NOCHECK is given to post and start"
    "RSM_MPI_TEST_WITHOUT=*/assert?0x1 */assert?0x9")
foreach(name needs_nothing_from_a_target_that_sleeps data_appear_without_a_call)
    rsm_mpi_plain(passive/${name}
        "the target has to call MPI where its memory is its own"
        ${rsm_mpi_pt2pt} "RSM_MPI_TEST_WITHOUT=create dynamic")
endforeach()

# --- windows -----------------------------------------------------------------

foreach(name lie_over_oneself lie_over_a_world_of_one)
    rsm_mpi_plain(windows/${name}
        "osc/rdma cannot make windows of one process" ${rsm_mpi_pt2pt})
endforeach()
rsm_mpi_plain(dynamic/ten_thousand_parts_are_attached
    "osc/rdma has room for 32 parts" ${rsm_mpi_pt2pt})
rsm_mpi_plain(pages/small_ones_share_pages
    "osc/rdma has room for 32 parts" ${rsm_mpi_pt2pt})
rsm_mpi_plain(pages/those_without_size_stand_between
    "osc/rdma does not find those without size again, osc/pt2pt takes any \
address for one that is attached"
    ${rsm_mpi_pt2pt} "RSM_MPI_TEST_WITHOUT=mistake")
rsm_mpi_plain(pages/mistakes_change_nothing
    "osc/rdma attaches more than there is, osc/pt2pt whatever there is"
    ${rsm_mpi_pt2pt} "RSM_MPI_TEST_WITHOUT=mistake")
rsm_mpi_plain(regions/an_element_lies_in_several
    "osc/rdma crashes" ${rsm_mpi_pt2pt})
rsm_mpi_plain(regions/a_type_reaches_several_allocations
    "osc/rdma takes no absolute addresses at the target: MPI_ERR_RMA_RANGE"
    ${rsm_mpi_pt2pt})
foreach(name large_accesses_span_several shared_memory_adjoins_private_memory)
    rsm_mpi_plain(regions/${name}
        "osc/rdma wants all of it in one part: MPI_ERR_RMA_RANGE"
        ${rsm_mpi_pt2pt})
endforeach()
rsm_mpi_plain(regions/every_byte_that_is_accessed_is_attached
    "osc/rdma looks at whole pages, osc/pt2pt at nothing"
    ${rsm_mpi_pt2pt} "RSM_MPI_TEST_WITHOUT=refused")
rsm_mpi_plain(shared/parts_may_lie_apart
    "sizes are told in whole pages, and the lowest rank is told as the first \
even if it has no memory"
    "RSM_MPI_TEST_WITHOUT=size?of* the?first")

rsm_mpi_plain(shared/parts_are_where_all_see_them
    "each rank does as its own info says" "RSM_MPI_TEST_WITHOUT=at?odds")
rsm_mpi_plain(windows/infos_of_the_making_stay
    "what is said later is told, and changes nothing"
    "RSM_MPI_TEST_WITHOUT=*said")
rsm_mpi_plain(requests/need_a_place
    "every component writes through the address"
    "RSM_MPI_TEST_WITHOUT=create allocate shared dynamic")
rsm_mpi_plain(threads/reuse_handles_of_each_other
    "osc/rdma cannot make windows of one process, osc/pt2pt crashes in threads"
    "RSM_MPI_TEST_WITHOUT=alone")

rsm_mpi_plain(cores/are_not_spun_on
    "every component takes milliseconds"
    "RSM_MPI_TEST_WITHOUT=create allocate shared dynamic")

# --- errors ------------------------------------------------------------------

rsm_mpi_plain(errors/arguments_of_operations_are_checked
    "flushes take any rank, MPI_Fetch_and_op any operation of any type, and only some \
components look for the end of the memory"
    ${rsm_mpi_pt2pt}
    "RSM_MPI_TEST_WITHOUT=*/flush*rank */fetch_and_op?user?op */fetch_and_op?logic* */*the?end \
*/accumulate?of?too?much */put?where* */put?of?more*")
rsm_mpi_plain(errors/epochs_are_checked
    "osc/sm sees no epochs, osc/pt2pt does not see a lock in another, a group of \
zero ends the program"
    ${rsm_mpi_pt2pt}
    "RSM_MPI_TEST_WITHOUT=allocate shared */locked?twice */lock_all?in?a* \
*/lock?in?lock_all */post?group?of?zero")
rsm_mpi_plain(errors/windows_are_not_made_of_nonsense
    "the sum of the sizes is not looked at, nor where the address is to go"
    "RSM_MPI_TEST_WITHOUT=allocate_shared?too?much* allocate*base")
rsm_mpi_plain(errors/calls_suit_the_kind_of_window
    "other classes of errors, or none"
    ${rsm_mpi_pt2pt}
    "RSM_MPI_TEST_WITHOUT=*/attach* */detach* */shared_query")
