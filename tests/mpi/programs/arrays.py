# SPDX-License-Identifier: BSD-3-Clause
"""NumPy arrays in windows of mpi4py: the same figures whoever serves them."""
import numpy as np
from mpi4py import MPI

comm = MPI.COMM_WORLD
rank, size = comm.rank, comm.size
right, left = (rank + 1) % size, (rank - 1) % size


def say(name, value):
    """One line with what every rank has got."""
    values = comm.gather(value)
    if rank == 0:
        print(name, *values, flush=True)


# A ring of fences over the array's own memory.
field = np.zeros(1000)
win = MPI.Win.Create(field, disp_unit=field.itemsize, comm=comm)
wave = np.arange(500.0) + rank
win.Fence()
win.Put(wave, right, target=(250, 500))
win.Fence()
got = np.empty(100)
win.Get(got, left, target=(300, 100))
win.Fence()
say("fence", f"{field.sum():.1f}/{got.sum():.1f}")

# Columns of a matrix, described by a derived type.
matrix = np.arange(36, dtype="i4").reshape(6, 6) + 100 * rank
column = MPI.INT.Create_vector(6, 1, 6).Commit()
win.Free()
win = MPI.Win.Create(matrix, disp_unit=matrix.itemsize, comm=comm)
row = matrix[0].copy()
win.Fence()
win.Accumulate([row, 6, MPI.INT], right, target=(2, 1, column), op=MPI.SUM)
win.Fence()
say("column", matrix[:, 2].sum())
win.Free()
column.Free()

# A counter that everyone draws numbers from, and a matrix that all add to.
win = MPI.Win.Allocate(8 * 64, disp_unit=8, comm=comm)
memory = np.frombuffer(win.tomemory(), dtype="i8")
memory[:] = 0
comm.Barrier()
one, old = np.ones(1, "i8"), np.zeros(1, "i8")
drawn = []
win.Lock_all()
for _ in range(50):
    win.Fetch_and_op(one, old, 0, 0, MPI.SUM)
    win.Flush(0)
    drawn.append(int(old[0]))
many = np.full(32, rank + 1, "i8")
for target in range(size):
    win.Accumulate(many, target, target=(16, 32))
win.Flush_all()
win.Unlock_all()
every = sorted(sum(comm.allgather(drawn), []))
say("drawn", every == list(range(50 * size)))
comm.Barrier()
say("sums", int(memory[16:48].sum()))

win.Free()

# A lock that is made of compare-and-swap. (Open MPI 4.1.4 alone crashes when
# it swaps eight bytes.)
memory = np.zeros(64, "i4")
win = MPI.Win.Create(memory, disp_unit=4, comm=comm)
mine, free = np.array([rank + 1], "i4"), np.zeros(1, "i4")
one, old = np.zeros(1, "i4"), np.zeros(1, "i4")
win.Lock_all()
for _ in range(20):
    while True:
        win.Compare_and_swap(mine, free, old, 1 % size, 60)
        win.Flush(1 % size)
        if old[0] == 0:
            break
    win.Get(one, 1 % size, target=61)
    win.Flush(1 % size)
    one += 1
    win.Put(one, 1 % size, target=61)
    win.Flush(1 % size)
    win.Compare_and_swap(free, mine, old, 1 % size, 60)
    win.Flush(1 % size)
win.Unlock_all()
comm.Barrier()
say("locked", int(memory[61]))
win.Free()

# Requests, and groups that open and close epochs.
values = np.arange(10, dtype="f4") * (rank + 1)
win = MPI.Win.Allocate(40, disp_unit=4, comm=comm)
win.Lock_all()
win.Rput(values, right).Wait()
win.Flush(right)
comm.Barrier()
back = np.empty(10, "f4")
win.Rget(back, rank).Wait()
win.Unlock_all()
say("requests", f"{back.sum():.1f}")
group = comm.Get_group()
win.Post(group.Incl([left]))
win.Start(group.Incl([right]))
values *= 2
win.Put(values, right)
win.Complete()
win.Wait()
memory = np.frombuffer(win.tomemory(), dtype="f4")
say("groups", f"{memory.sum():.1f}")
win.Free()

# Memory of all, and memory that is attached.
win = MPI.Win.Allocate_shared(8 * 10, disp_unit=8, comm=comm)
part, unit = win.Shared_query(right)
theirs = np.frombuffer(part, dtype="f8", count=10)
win.Fence()
theirs[:] = rank + 0.5
win.Fence()
mine = np.frombuffer(win.tomemory(), dtype="f8")
say("shared", f"{mine.sum():.1f}")
win.Free()
win = MPI.Win.Create_dynamic(comm=comm)
extra = np.zeros(100, "i4")
win.Attach(extra)
places = comm.allgather(MPI.Get_address(extra))
few = np.arange(7, dtype="i4") + rank
win.Lock_all()
win.Put(few, right, target=places[right] + 40)
win.Flush(right)
win.Unlock_all()
comm.Barrier()
say("attached", int(extra[10:17].sum()))
comm.Barrier()
win.Detach(extra)
win.Free()
