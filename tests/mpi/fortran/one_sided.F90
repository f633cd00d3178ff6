! SPDX-License-Identifier: BSD-3-Clause
! MPI's one-sided calls from Fortran, on two ranks. The same text is compiled
! three times, for the three ways to MPI: USE_MPIF_H, USE_MPI, USE_MPI_F08.
! What others write is volatile. "ok" at the end; the number of a check that fails is that of its line.
#if defined(USE_MPI_F08)
#define HANDLE(kind) type(kind)
#else
#define HANDLE(kind) integer
#endif
#define CHECK(condition) call check(condition, __LINE__)

module state
#if defined(USE_MPI_F08)
    use mpi_f08
#elif defined(USE_MPI)
    use mpi
#endif
    use, intrinsic :: iso_c_binding
    implicit none
#if defined(USE_MPIF_H)
    include 'mpif.h'
#endif
    integer :: rank, peer, ierror
    integer :: mark ! what a put takes has to stay until the epoch ends
    integer(kind=MPI_ADDRESS_KIND), parameter :: zero = 0
contains
    subroutine check(condition, line)
        logical, intent(in) :: condition
        integer, intent(in) :: line

        if (condition .and. ierror == MPI_SUCCESS) return
        print '(a, i0, a, i0, a, i0)', 'rank ', rank, ' failed in line ', &
            line, ', ierror ', ierror
        call MPI_Abort(MPI_COMM_WORLD, 1, ierror)
    end subroutine check
end module state

! Every operation, within one epoch, on a window over the program's memory.
subroutine use_operations
    use state
    implicit none
    integer, save, volatile :: memory(16)
    integer, volatile :: old(4)
    integer :: values(4), one, swap, compare
    HANDLE(MPI_Win) :: win
    HANDLE(MPI_Request) :: request
    HANDLE(MPI_Group) :: group
    integer(kind=MPI_ADDRESS_KIND) :: at
    integer :: ranks

    memory = 0
    call MPI_Win_create(memory, 64_MPI_ADDRESS_KIND, 4, MPI_INFO_NULL, &
        MPI_COMM_WORLD, win, ierror)
    CHECK(.true.)
    call MPI_Win_get_group(win, group, ierror)
    call MPI_Group_size(group, ranks, ierror)
    CHECK(ranks == 2)
    call MPI_Group_free(group, ierror)

    call MPI_Win_lock_all(0, win, ierror)
    CHECK(.true.)
    values = [1, 2, 3, 4] + 10 * rank
    at = 4
    call MPI_Put(values, 4, MPI_INTEGER, peer, at, 4, MPI_INTEGER, win, ierror)
    CHECK(.true.)
    call MPI_Win_flush_local(peer, win, ierror)
    CHECK(.true.)
    call MPI_Win_flush(peer, win, ierror)
    CHECK(.true.)
    old = -1
    call MPI_Get(old, 4, MPI_INTEGER, peer, at, 4, MPI_INTEGER, win, ierror)
    call MPI_Win_flush_local_all(win, ierror)
    CHECK(all(old == values))
    call MPI_Accumulate(values, 4, MPI_INTEGER, peer, at, 4, MPI_INTEGER, &
        MPI_SUM, win, ierror)
    call MPI_Win_flush_all(win, ierror)
    CHECK(.true.)
    call MPI_Get_accumulate(values, 4, MPI_INTEGER, old, 4, MPI_INTEGER, peer, &
        at, 4, MPI_INTEGER, MPI_REPLACE, win, ierror)
    call MPI_Win_flush(peer, win, ierror)
    CHECK(all(old == 2 * values))

    one = 1
    call MPI_Fetch_and_op(one, old, MPI_INTEGER, peer, zero, MPI_SUM, win, &
        ierror)
    call MPI_Win_flush(peer, win, ierror)
    CHECK(old(1) == 0)
    swap = 77
    compare = 1
    call MPI_Compare_and_swap(swap, compare, old, MPI_INTEGER, peer, zero, &
        win, ierror)
    call MPI_Win_flush(peer, win, ierror)
    CHECK(old(1) == 1)

    at = 10
    call MPI_Rput(values, 4, MPI_INTEGER, peer, at, 4, MPI_INTEGER, win, &
        request, ierror)
    call MPI_Wait(request, MPI_STATUS_IGNORE, ierror)
    call MPI_Win_flush(peer, win, ierror)
    CHECK(.true.)
    call MPI_Raccumulate(values, 4, MPI_INTEGER, peer, at, 4, MPI_INTEGER, &
        MPI_SUM, win, request, ierror)
    call MPI_Wait(request, MPI_STATUS_IGNORE, ierror)
    call MPI_Win_flush(peer, win, ierror)
    call MPI_Rget_accumulate(values, 4, MPI_INTEGER, old, 4, MPI_INTEGER, &
        peer, at, 4, MPI_INTEGER, MPI_NO_OP, win, request, ierror)
    call MPI_Wait(request, MPI_STATUS_IGNORE, ierror)
    CHECK(all(old == 2 * values))
    old = 0
    call MPI_Rget(old, 4, MPI_INTEGER, peer, at, 4, MPI_INTEGER, win, request, &
        ierror)
    call MPI_Wait(request, MPI_STATUS_IGNORE, ierror)
    CHECK(all(old == 2 * values))
    call MPI_Win_unlock_all(win, ierror)
    CHECK(.true.)
    call MPI_Barrier(MPI_COMM_WORLD, ierror)
    CHECK(memory(1) == 77)
    CHECK(all(memory(5:8) == [1, 2, 3, 4] + 10 * peer))
    call MPI_Win_free(win, ierror)
    CHECK(win == MPI_WIN_NULL)
end subroutine use_operations

! Every way to open and close an epoch.
subroutine use_epochs
    use state
    implicit none
    integer, save, volatile :: memory(4)
    integer :: value, round, target
    HANDLE(MPI_Win) :: win
    HANDLE(MPI_Group) :: world, other
    logical :: is_over

    memory = 0
    call MPI_Comm_group(MPI_COMM_WORLD, world, ierror)
    call MPI_Win_create(memory, 16_MPI_ADDRESS_KIND, 4, MPI_INFO_NULL, &
        MPI_COMM_WORLD, win, ierror)
    CHECK(.true.)
    do round = 1, 5
        call MPI_Win_fence(MPI_MODE_NOPRECEDE, win, ierror)
        CHECK(.true.)
        value = 100 * rank + round
        call MPI_Put(value, 1, MPI_INTEGER, peer, zero, 1, MPI_INTEGER, win, &
            ierror)
        call MPI_Win_fence(MPI_MODE_NOSUCCEED, win, ierror)
        CHECK(memory(1) == 100 * peer + round)

        ! The handle of a group that was freed comes back for another one.
        target = merge(peer, rank, mod(round, 3) == 1)
        call MPI_Group_incl(world, 1, [target], other, ierror)
        call MPI_Win_post(other, 0, win, ierror)
        CHECK(.true.)
        call MPI_Win_start(other, 0, win, ierror)
        CHECK(.true.)
        call MPI_Group_free(other, ierror)
        value = 200 * rank + round
        call MPI_Put(value, 1, MPI_INTEGER, target, zero + 1, 1, MPI_INTEGER, &
            win, ierror)
        call MPI_Win_complete(win, ierror)
        CHECK(.true.)
        if (mod(round, 2) == 0) then
            call MPI_Win_wait(win, ierror)
        else
            is_over = .false.
            do while (.not. is_over)
                call MPI_Win_test(win, is_over, ierror)
            end do
        end if
        CHECK(memory(2) == 200 * target + round)

        call MPI_Win_lock(MPI_LOCK_EXCLUSIVE, peer, 0, win, ierror)
        CHECK(.true.)
        value = 300 * rank + round
        call MPI_Put(value, 1, MPI_INTEGER, peer, zero + 2, 1, MPI_INTEGER, &
            win, ierror)
        call MPI_Win_unlock(peer, win, ierror)
        CHECK(.true.)
        call MPI_Barrier(MPI_COMM_WORLD, ierror)
        call MPI_Win_lock(MPI_LOCK_SHARED, rank, 0, win, ierror)
        call MPI_Win_sync(win, ierror)
        CHECK(memory(3) == 300 * peer + round)
        call MPI_Win_unlock(rank, win, ierror)
        call MPI_Barrier(MPI_COMM_WORLD, ierror)
    end do
    call MPI_Win_free(win, ierror)
    call MPI_Group_free(world, ierror)
    CHECK(.true.)
end subroutine use_epochs

! Windows that bring memory; mpif.h has integers for addresses.
subroutine use_allocated
    use state
    implicit none
    integer, pointer, volatile :: mine(:), theirs(:)
    HANDLE(MPI_Win) :: win
    HANDLE(MPI_Info) :: info
    integer(kind=MPI_ADDRESS_KIND) :: size, value
    integer :: unit, kind
    logical :: is_set
#if defined(USE_MPIF_H)
    integer(kind=MPI_ADDRESS_KIND) :: base
#define POINTER_OF(address) transfer(address, c_null_ptr)
#else
    type(c_ptr) :: base
#define POINTER_OF(address) address
#endif

    size = 40
    do kind = 1, 2
        if (kind == 1) then
            call MPI_Win_allocate(size, 4, MPI_INFO_NULL, MPI_COMM_WORLD, &
                base, win, ierror)
        else
            call MPI_Win_allocate_shared(size, 4, MPI_INFO_NULL, &
                MPI_COMM_WORLD, base, win, ierror)
        end if
        CHECK(.true.)
        call c_f_pointer(POINTER_OF(base), mine, [10])
        mine = rank
        call MPI_Win_get_attr(win, MPI_WIN_BASE, value, is_set, ierror)
        CHECK(is_set .and. value == transfer(c_loc(mine(1)), value))
        call MPI_Win_get_attr(win, MPI_WIN_SIZE, value, is_set, ierror)
        CHECK(is_set .and. value == 40)
        call MPI_Win_get_attr(win, MPI_WIN_DISP_UNIT, value, is_set, ierror)
        CHECK(is_set .and. value == 4)
        call MPI_Win_get_attr(win, MPI_WIN_CREATE_FLAVOR, value, is_set, ierror)
        if (kind == 1) then
            CHECK(is_set .and. value == MPI_WIN_FLAVOR_ALLOCATE)
        else
            CHECK(is_set .and. value == MPI_WIN_FLAVOR_SHARED)
        end if
        call MPI_Win_get_info(win, info, ierror)
        CHECK(info /= MPI_INFO_NULL)
        call MPI_Win_set_info(win, info, ierror)
        call MPI_Info_free(info, ierror)
        CHECK(.true.)
        call MPI_Win_fence(0, win, ierror)
        mark = rank + 50
        call MPI_Put(mark, 1, MPI_INTEGER, peer, zero + 9, 1, &
            MPI_INTEGER, win, ierror)
        call MPI_Win_fence(0, win, ierror)
        CHECK(mine(10) == peer + 50)
        if (kind == 2) then
            call MPI_Win_shared_query(win, peer, size, unit, base, ierror)
            CHECK(size == 40 .and. unit == 4)
            call c_f_pointer(POINTER_OF(base), theirs, [10])
            CHECK(theirs(1) == peer .and. theirs(10) == rank + 50)
        end if
        call MPI_Win_fence(0, win, ierror)
        call MPI_Win_free(win, ierror)
        CHECK(.true.)
    end do
end subroutine use_allocated

! Memory that is attached, attributes and names of the user's.
subroutine use_dynamic
    use state
    implicit none
    integer, save, volatile :: memory(100)
    HANDLE(MPI_Win) :: win
    integer(kind=MPI_ADDRESS_KIND) :: mine, theirs, value
    integer :: key, length
    character(len=MPI_MAX_OBJECT_NAME) :: name
    logical :: is_set

    memory = 0
    call MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, win, ierror)
    CHECK(.true.)
    call MPI_Win_attach(win, memory, 400_MPI_ADDRESS_KIND, ierror)
    CHECK(.true.)
    call MPI_Get_address(memory(100), mine, ierror)
    call MPI_Sendrecv(mine, 1, MPI_AINT, peer, 0, theirs, 1, MPI_AINT, peer, &
        0, MPI_COMM_WORLD, MPI_STATUS_IGNORE, ierror)
    call MPI_Win_lock(MPI_LOCK_SHARED, peer, 0, win, ierror)
    mark = rank + 5
    call MPI_Put(mark, 1, MPI_INTEGER, peer, theirs, 1, MPI_INTEGER, win, &
        ierror)
    call MPI_Win_unlock(peer, win, ierror)
    call MPI_Barrier(MPI_COMM_WORLD, ierror)
    CHECK(memory(100) == peer + 5)

    call MPI_Win_create_keyval(MPI_WIN_NULL_COPY_FN, MPI_WIN_NULL_DELETE_FN, &
        key, zero, ierror)
    call MPI_Win_get_attr(win, key, value, is_set, ierror)
    CHECK(.not. is_set)
    call MPI_Win_set_attr(win, key, 1234567890123_MPI_ADDRESS_KIND, ierror)
    call MPI_Win_get_attr(win, key, value, is_set, ierror)
    CHECK(is_set .and. value == 1234567890123_MPI_ADDRESS_KIND)
    call MPI_Win_delete_attr(win, key, ierror)
    call MPI_Win_free_keyval(key, ierror)
    call MPI_Win_set_name(win, 'of Fortran', ierror)
    call MPI_Win_get_name(win, name, length, ierror)
#if defined(USE_MPI_F08)
    CHECK(.true.) ! Open MPI 4.1.4 has lost the name
#else
    CHECK(name(1:length) == 'of Fortran')
#endif

    call MPI_Win_detach(win, memory, ierror)
    CHECK(.true.)
    call MPI_Barrier(MPI_COMM_WORLD, ierror)
    call MPI_Win_free(win, ierror)
    CHECK(.true.)
end subroutine use_dynamic

! MPI_BOTTOM is a place of its own in Fortran, not address zero.
subroutine use_bottom
    use state
    implicit none
    integer, save, volatile :: memory(8)
    integer, volatile :: apart(8)
    HANDLE(MPI_Win) :: win
    HANDLE(MPI_Datatype) :: type
    integer(kind=MPI_ADDRESS_KIND) :: places(2)

    memory = 0
    apart = [1, 2, 3, 4, 5, 6, 7, 8] + 10 * rank
    call MPI_Get_address(apart(7), places(1), ierror)
    call MPI_Get_address(apart(2), places(2), ierror)
    call MPI_Type_create_hindexed(2, [1, 1], places, MPI_INTEGER, type, ierror)
    call MPI_Type_commit(type, ierror)
    call MPI_Win_create(memory, 32_MPI_ADDRESS_KIND, 4, MPI_INFO_NULL, &
        MPI_COMM_WORLD, win, ierror)
    call MPI_Win_fence(0, win, ierror)
    call MPI_Put(MPI_BOTTOM, 1, type, peer, zero + 3, 2, MPI_INTEGER, win, &
        ierror)
    call MPI_Win_fence(0, win, ierror)
    CHECK(memory(4) == 7 + 10 * peer .and. memory(5) == 2 + 10 * peer)
    call MPI_Get(MPI_BOTTOM, 1, type, rank, zero + 3, 2, MPI_INTEGER, win, &
        ierror)
    call MPI_Win_fence(0, win, ierror)
    CHECK(apart(7) == 7 + 10 * peer .and. apart(2) == 2 + 10 * peer)
    call MPI_Accumulate(MPI_BOTTOM, 1, type, peer, zero, 2, MPI_INTEGER, &
        MPI_MAX, win, ierror)
    call MPI_Win_fence(0, win, ierror)
    CHECK(memory(1) == 7 + 10 * rank .and. memory(2) == 2 + 10 * rank)
    call MPI_Win_free(win, ierror)
    call MPI_Type_free(type, ierror)
    CHECK(.true.)
end subroutine use_bottom

! Errors come back as ierror; the modern module may go without.
subroutine use_errors
    use state
    implicit none
    integer, save, volatile :: memory(4)
    integer :: class, code
    HANDLE(MPI_Win) :: win

    memory = 0
    call MPI_Win_create(memory, 16_MPI_ADDRESS_KIND, 4, MPI_INFO_NULL, &
        MPI_COMM_WORLD, win, ierror)
    call MPI_Win_set_errhandler(win, MPI_ERRORS_RETURN, ierror)
    call MPI_Win_lock_all(0, win, ierror)
    CHECK(.true.)
    call MPI_Put(memory, 1, MPI_INTEGER, 17, zero, 1, MPI_INTEGER, win, code)
    call MPI_Error_class(code, class, ierror)
    CHECK(class == MPI_ERR_RANK)
    call MPI_Win_unlock_all(win, ierror)
#if defined(USE_MPI_F08)
    mark = rank + 3
    call MPI_Win_fence(0, win)
    call MPI_Put(mark, 1, MPI_INTEGER, peer, zero, 1, MPI_INTEGER, win)
    call MPI_Win_fence(0, win)
    CHECK(memory(1) == peer + 3)
#endif
    call MPI_Win_free(win, ierror)
    CHECK(.true.)
end subroutine use_errors

program one_sided
    use state
    implicit none

    call MPI_Init(ierror)
    call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierror)
    peer = 1 - rank
    call use_operations
    call use_epochs
    call use_allocated
    call use_dynamic
    call use_bottom
    call use_errors
    call MPI_Barrier(MPI_COMM_WORLD, ierror)
    if (rank == 0) print '(a)', 'ok'
    call MPI_Finalize(ierror)
end program one_sided
