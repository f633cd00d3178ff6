# SPDX-License-Identifier: BSD-3-Clause
"""What MPI's one-sided programs want to reach on librsm, each beside the best
that the installed MPI libraries do with a window of any kind."""
import statistics

from compare_goals import Goal, human, mpi_keys, quotient, together

OURS = "rsm-mpi"
KINDS = ("allocate", "create", "dynamic")


def beside(figures, what, size, way, kinds=KINDS):
    """The best peer with this way of completion."""
    return figures.best(key for key in mpi_keys(figures, what, size, kinds)
                        if key[1].partition("/")[2] == way)


def in_turn(figures, what, size, kind):
    """A window of librsm and the best component's, in turn in one job: the
    component that leaves us least. None: that was not measured."""
    pairs = [((launch, f"beside {kind}", what, size),
              (launch, f"left {kind}", what, size))
             for launch in sorted({key[0] for key in
                                   figures.keys(what=what, size=size)})
             if launch.startswith(f"{OURS}-beside-")]
    pairs = [pair for pair in pairs
             if pair[0] in figures and pair[1] in figures]
    if not pairs:
        return None
    worst = max if figures.is_time(what) else min
    return worst(pairs, key=lambda pair: statistics.median(
        together(figures, quotient, *pair)))


def of_the_best(figures, what, size, kind, limit):
    """The share of the best component's: in turn if that was measured, else
    round by round."""
    pair = in_turn(figures, what, size, kind)
    if pair:
        ours, best = pair
    else:
        ours = (OURS, f"{kind}/flush", what, size)
        best = beside(figures, what, size, "flush")
    goal = Goal("", together(figures, quotient, ours, best),
                limit, figures.is_time(what)).concerns(OURS, what, size, kind)
    goal.compare(figures, ours, best)
    return goal, ", in turn" if pair else ""


def add_time(figures, goals, name, key, limits):
    """One goal for each kind of window, in microseconds."""
    what, size, way = key
    for kind, limit in zip(KINDS, limits):
        ours = (OURS, f"{kind}/{way}", what, size)
        goal = Goal(f"{name}, {kind}",
                    together(figures, lambda value: value, ours), limit, True,
                    " µs").concerns(OURS, f"{kind}/{way}", size, what)
        goal.compare(figures, ours, beside(figures, what, size, way, (kind,)))
        goals.append(goal)


def times(figures, goals):
    for what in ("put", "get"):
        add_time(figures, goals, f"{what} + flush", (what, 8, "flush"),
                 (0.045, 0.05, 0.06))
    add_time(figures, goals, "lock + put + unlock", ("put", 8, "lock"),
             (0.08,) * 3)
    for what, name in (("fetch_add", "fetch_and_op"),
                       ("compare_swap", "compare_and_swap")):
        for size in (4, 8):
            add_time(figures, goals, f"{name} + flush, int{8 * size}",
                     (what, size, "flush"), (0.06,) * 3)
    add_time(figures, goals, "put + fence", ("put", 8, "fence"), (0.4,) * 3)
    add_time(figures, goals, "post/start/put/complete/wait",
             ("put", 8, "pscw"), (0.4,) * 3)


def sums(figures, goals):
    for kind in KINDS:
        goal, how = of_the_best(figures, "accumulate", 1 << 20, kind, 1.1)
        goal.name = ("accumulate of 1 MiB of doubles, of the best, "
                     f"{kind}{how}")
        goals.append(goal)


def crowds(figures, goals):
    """Waits that give the core away; peers that do not take milliseconds."""
    for ranks, name in ((2, "2 ranks on one core"), (4, "4 ranks on 2 cores")):
        for way in ("fence", "pscw"):
            add_time(figures, goals, f"put + {way}, {name}",
                     ("crowd", ranks, way), (1000,) * 3)


def bandwidth(figures, goals):
    for what in ("put_bw", "get_bw"):
        for size in figures.sizes(what):
            for kind in KINDS:
                goal, how = of_the_best(figures, what, size, kind, 1.0)
                goal.name = (f"{what} of {human(size)}, of the best, "
                             f"{kind}{how}")
                goals.append(goal)


def growth(figures, goals):
    """Logarithmic: so many more decimal digits, so many times the time."""
    for kind, way, few, many in (("allocate", "windows", 10, 1000),
                                 ("create", "windows", 10, 1000),
                                 ("dynamic", "regions", 10, 10000)):
        ours = (OURS, f"{kind}/{way}", "many_put", many)
        digits = len(str(many)) - len(str(few)) + 1
        goal = Goal(f"put to one of {many} {way}, of one of {few}, {kind}",
                    together(figures, quotient, ours,
                             (OURS, f"{kind}/{way}", "many_put", few)),
                    digits, True).concerns(OURS, f"{kind}/{way}", many,
                                           "many_put")
        goal.compare(figures, ours,
                     beside(figures, "many_put", many, way, (kind,)))
        goals.append(goal)


def goals_of(figures):
    goals = []
    for part in (times, sums, crowds, bandwidth, growth):
        part(figures, goals)
    return [goal for goal in goals if goal.values]
