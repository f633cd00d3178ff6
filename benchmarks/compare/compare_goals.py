# SPDX-License-Identifier: BSD-3-Clause
"""What librsm wants to reach, computed from the figures of one run.

A goal looks at each round by itself, so that a slow minute of the machine
counts for both sides, and judges the median of the rounds."""
import statistics

from compare_figures import number

RSM = ("rsm", "implicit")
# The same in turn with the bare machine, on the same pages; see
# common_beside.h.
BESIDE = ("rsm", "beside")
CONNECT_PARTS = (("rsm", "socket", "connect", 0),
                 ("rsm", "ucx unpack", "connect", 0))


class Goal:
    """One comparison: name, our value round by round, and the limit."""

    def __init__(self, name, values, limit, is_at_most, unit=""):
        self.name = name
        self.values = values
        self.limit = limit
        self.is_at_most = is_at_most
        self.unit = unit
        self.beside = ""  # the peer that one looks at
        self.about = None  # launch, what, size, way: for compare_limits

    def compare(self, figures, ours, best):
        """Says how the best peer does."""
        if best is None or ours not in figures:
            return
        value = figures.median(best)
        ratio = value / figures.median(ours)
        if not figures.is_time(best[2]):
            ratio = 1 / ratio
        self.beside = (f"{number(value)} {figures.units[best[2]]} "
                       f"({best[0]} {best[1]}): {number(ratio)} times")

    def concerns(self, launch, what, size, way=""):
        self.about = (launch, what, size, way)
        return self

    def is_met(self, value):
        return value <= self.limit if self.is_at_most else value >= self.limit

    @property
    def median(self):
        return statistics.median(self.values)

    def verdict(self):
        met = sum(self.is_met(value) for value in self.values)
        word = "reached" if self.is_met(self.median) else "NOT REACHED"
        if 0 < met < len(self.values):
            word += f" ({met} of {len(self.values)} rounds)"
        return word

    def wanted(self):
        sign = "≤" if self.is_at_most else "≥"
        return f"{sign} {self.limit:g}{self.unit}"


def together(figures, function, *keys):
    """The function of the keys' medians, for each round that has all."""
    if any(key is None or key not in figures for key in keys):
        return []
    rounds = [figures.rounds(key) for key in keys]
    numbers = sorted(set.intersection(*(set(one) for one in rounds)))
    return [function(*(one[number] for one in rounds)) for number in numbers]


def quotient(over, under):
    return over / under


def bare(figures, what, size):
    """The best that the machine does by itself beside us."""
    return figures.best(key for key in figures.keys("rsm", what, size)
                        if key[1].startswith("bare "))


def mpi_keys(figures, what, size, kinds=("allocate", "create", "dynamic")):
    return [key for key in figures.keys(what=what, size=size)
            if key[0].startswith("ompi-") or key[0] == "mpich"
            if key[1].partition("/")[0] in kinds]


def small(figures, goals):
    """Puts and gets of 8 bytes."""
    for what in ("put", "get"):
        ours = (*RSM, what, 8)
        goals.append(Goal(f"{what} of 8 B, above a plain copy", together(
            figures, lambda a, b: 1e3 * (a - b), (*BESIDE, what, 8),
            bare(figures, what, 8)), 10, True, " ns"))
        window = figures.best(mpi_keys(figures, what, 8))
        goals.append(Goal(f"{what} of 8 B, times faster than the best MPI "
                          "window", together(figures, quotient, window, ours),
                          5, False))
        shmem = ("shmem", "quiet", what, 8)
        goals.append(Goal(f"{what} of 8 B, times faster than OpenSHMEM",
                          together(figures, quotient, shmem, ours), 5, False))
        window = figures.best(mpi_keys(figures, what, 8,
                                       ("create", "dynamic")))
        goals.append(Goal(f"{what} of 8 B, times faster than the best MPI "
                          "window over user memory",
                          together(figures, quotient, window, ours), 50,
                          False))


def large(figures, goals):
    """Bandwidth, against the best copy and against everybody."""
    for what in ("put_bw", "get_bw"):
        for size in [size for size in figures.sizes(what) if size >= 4096]:
            best = bare(figures, what, size)
            name = f"{what} of {human(size)}, of the best copy"
            if best:
                name += f" ({best[1]})"
            goals.append(Goal(name, together(
                figures, quotient, (*BESIDE, what, size), best), 0.97,
                False).concerns("rsm", what, size))
            large_of_peers(figures, goals, what, size)


def large_of_peers(figures, goals, what, size):
    """Bare UCX in turn, where that was measured, and the others."""
    both = in_turn(figures, "rsm", what, size, "flush")
    if both:
        ways = [in_turn(figures, "rsm", what, size, way)[1]
                for way in ("flush", "asked")]
        goals.append(Goal(f"{what} of {human(size)}, of bare UCX in turn",
                          together(figures, quotient, both[0],
                                   figures.best(ways)), 1.0,
                          False).concerns("rsm", what, size))
    others = [key for key in figures.keys(what=what, size=size)
              if not key[0].startswith("rsm") and key[0] != "floor"
              and not (both and key[0] == "ucx")]
    best = figures.best(others)
    name = f"{what} of {human(size)}, of the best peer"
    if best:
        name += f" ({best[0]} {best[1]})"
    goals.append(Goal(name, together(
        figures, quotient, like_flush(figures, "rsm", what, size), best), 1.0,
        False).concerns("rsm", what, size))


def waiting(figures, goals):
    """What one side does and the other side notices."""
    goals.append(Goal("visible at the other side, of a bare cache line",
                      together(figures, quotient, (*BESIDE, "visible", 0),
                               bare(figures, "visible", 0)), 1.1,
                      True).concerns("rsm", "visible", 0))
    goals.append(Goal("two processes on one core, put and answer, of two "
                      "switches of the scheduler",
                      together(figures, quotient, (*RSM, "answer", 0),
                               ("floor", "plain", "answer", 0)), 2, True))
    for what, name in (("wait", "signal, one way in turns"),
                       ("wake", "signal to a process asleep"),
                       ("wait_one_core", "signal on one core")):
        goals.append(Goal(f"{name}, of a bare pipe",
                          together(figures, quotient, ("rsm", "", what, 0),
                                   ("floor", "", what, 0)), 1.3, True))


def atomics(figures, goals):
    for what in ("fetch_add", "compare_swap"):
        ours = (*RSM, what, 8)
        goals.append(Goal(f"{what}, of the bare instruction",
                          together(figures, quotient, (*BESIDE, what, 8),
                                   bare(figures, what, 8)), 2,
                          True).concerns("rsm", what, 8))
        window = figures.best(mpi_keys(figures, what, 8))
        goals.append(Goal(f"{what}, times faster than the best MPI window",
                          together(figures, quotient, window, ours), 3,
                          False))


def threads(figures, goals):
    """Twice the threads: as much more as plain copies get."""
    keys = [(launch, "", what, 8) for launch in ("rsm", "floor")
            for what in ("rate2", "rate1")]
    goals.append(Goal("two threads against one, of the same with plain copies",
                      together(figures, lambda a, b, c, d: (a / b) / (c / d),
                               *keys), 0.9, False))


def instructions(figures, goals):
    for call, mode, limit in (("put64", "implicit", 60),
                              ("put64", "explicit", 45),
                              ("open_close", "implicit", 60),
                              ("open_close", "explicit", 60)):
        goals.append(Goal(f"instructions of {call}, {mode} mode", together(
            figures, lambda value: value, ("rsm", mode, f"instructions_{call}",
                                           0)), limit, True))


def control(figures, goals):
    goals.append(Goal("connect and disconnect, of a socket round trip and "
                      "UCX's part, in turn",
                      together(figures, lambda a, b, c: a / (b + c),
                               (*BESIDE, "connect", 0), *CONNECT_PARTS), 1.5,
                      True).concerns("rsm", "connect", 0))
    goals.append(Goal("first connect to a process",
                      together(figures, lambda a: a / 1e3,
                               ("rsm", "", "first_connect", 0)), 3, True,
                      " ms"))
    goals.append(Goal("export and publish of 64 MiB, of ucp_mem_map and one "
                      "copy",
                      together(figures, quotient, ("rsm", "", "export", 0),
                               ("ucx", "allocate", "export", 0)), 1.2, True))


def share(figures, ours, theirs):
    """Ours as a share of theirs in each round; larger is better."""
    values = together(figures, quotient, theirs, ours)
    return (values if figures.is_time(ours[2])
            else [1 / value for value in values])


def windows(figures, launch, what, size, beside=""):
    """The ways of librsm whose window is complete at its end, as the peers'
    with one flush: an explicit span, and one with vectors of pieces."""
    keys = [(launch, beside + way, what, size)
            for way in ("explicit", "vector")]
    return [key for key in keys if key in figures]


def like_flush(figures, launch, what, size):
    """What of ours does the same as the peers' way flush: a put by itself is
    complete when it returns; of a window that is said once, at its end."""
    best = (figures.best(windows(figures, launch, what, size))
            if what.endswith("_bw") else None)
    return best or (launch, "implicit", what, size)


def like_asked(figures, launch, what, size):
    """The same where each get is there when its call returns."""
    key = (launch, "explicit", what, size)
    if what == "get_bw" and key in figures:
        return key
    return like_flush(figures, launch, what, size)


def in_turn(figures, launch, what, size, way):
    """Ours and bare UCX's, of the same processes in turn; or nothing."""
    theirs = (launch, f"ucx {way}", what, size)
    if theirs not in figures:
        return None
    mine = (launch, "beside", what, size)
    if what == "get_bw" and way == "asked":
        mine = (launch, "beside explicit", what, size)
    elif what.endswith("_bw"):
        mine = figures.best(windows(figures, launch, what, size, "beside "))
    return mine, theirs


def pair(figures, launch, peer, what, size, way):
    """What of ours is compared with bare UCX's way, and that."""
    both = in_turn(figures, launch, what, size, way)
    if both:
        return both
    alike = like_asked if way == "asked" else like_flush
    return (alike(figures, launch, what, size),
            (peer, f"allocate/{way}", what, size))


def through_ucx(figures, goals):
    """Where UCX moves the data: we may not be slower than it is alone. Its way
    "flush" says less: nothing about the segment, and of a window's gets that
    all are there. With "asked" it does what librsm does."""
    for launch, peer in (("rsm-ucx", "ucx"), ("rsm-tcp", "ucx-tcp")):
        for what in ("put", "get", "put_bw", "get_bw", "fetch_add",
                     "compare_swap"):
            for size in figures.sizes(what):
                for way in ("flush", "asked"):
                    mine, alone = pair(figures, launch, peer, what, size, way)
                    name = f"{launch}: {what} of {human(size)}"
                    if mine[1].endswith("vector"):
                        name += " (vectors)"
                    name += f", of {peer}"
                    if way == "asked":
                        name += ", asked"
                    goals.append(Goal(name, share(figures, mine, alone), 0.95,
                                      False).concerns(launch, what, size, way))


def human(size):
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            break
        size //= 1024
    return f"{size} {unit}"


def goals_of(figures):
    goals = []
    for part in (small, instructions, large, waiting, atomics, threads,
                 control, through_ucx):
        part(figures, goals)
    return [goal for goal in goals if goal.values]
