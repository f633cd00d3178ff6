! SPDX-License-Identifier: BSD-3-Clause
! Coarrays, which OpenCoarrays makes of MPI's one-sided calls: halos of a heat
! equation, atomics, events and locks.
program coarrays
    use, intrinsic :: iso_fortran_env
    implicit none
    integer, parameter :: cells = 64, steps = 50
    real(real64) :: heat(0:cells + 1)[*], next(cells), total
    real(real64) :: table(8, 8)[*]
    integer(atomic_int_kind) :: counter[*]
    type(event_type) :: ready[*]
    type(lock_type) :: door[*]
    integer :: me, all, left, right, step, i, old, inside[*]

    me = this_image()
    all = num_images()
    left = merge(all, me - 1, me == 1)
    right = merge(1, me + 1, me == all)

    ! Puts of halos.
    heat = 0
    heat(1:cells) = [(real(me * i, real64), i = 1, cells)]
    sync all
    do step = 1, steps
        heat(cells + 1)[left] = heat(1)
        heat(0)[right] = heat(cells)
        sync all
        do i = 1, cells
            next(i) = heat(i) + 0.25d0 * (heat(i - 1) - 2 * heat(i) + heat(i + 1))
        end do
        sync all
        heat(1:cells) = next
        sync all
    end do
    total = sum(heat(1:cells))
    call co_sum(total)
    if (me == 1) print '(a, f14.4)', 'heat', total

    ! Gets and puts of rows and columns.
    table = me
    sync all
    table(:, 3)[right] = [(real(10 * me + i, real64), i = 1, 8)]
    sync all
    next(1:8) = table(2, 1:8)[left]
    table(5, 1:8:2)[right] = next(1:4)
    sync all
    total = sum(table) + sum(next(1:8))
    call co_sum(total)
    if (me == 1) print '(a, f14.4)', 'table', total

    ! Atomics.
    counter = 0
    sync all
    do i = 1, 100
        call atomic_add(counter[1], 1)
        call atomic_fetch_add(counter[all], 2, old)
    end do
    sync all
    if (me == 1) then
        call atomic_ref(old, counter[1])
        print '(a, i0)', 'counter ', merge(old, old - 200, all /= 1)
        call atomic_ref(old, counter[all])
        print '(a, i0)', 'counter ', old
    end if

    ! Events and locks.
    inside = 0
    sync all
    event post (ready[right])
    event wait (ready)
    do i = 1, 20
        lock (door[1])
        inside[1] = inside[1] + 1
        unlock (door[1])
    end do
    sync all
    if (me == 1) print '(a, i0)', 'inside ', inside
end program coarrays
