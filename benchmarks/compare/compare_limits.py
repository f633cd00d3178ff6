# SPDX-License-Identifier: BSD-3-Clause
"""What stands in the way of a goal that was not reached: what the machine or
UCX itself costs, measured in the same run."""
import statistics

from compare_figures import number
from compare_goals import (BESIDE, CONNECT_PARTS, bare, pair, quotient, share,
                           together)
from compare_goals_mpi import in_turn as mpi_in_turn

# Counted with eight bytes: nothing of librsm's part grows with the size.
COUNTED = {"put": "put_8_bytes", "put_bw": "put_8_bytes",
           "get": "get_8_bytes", "get_bw": "get_8_bytes",
           "fetch_add": "fetch_add64", "compare_swap": "compare_swap64"}

SMALL = 2048  # bytes; of larger pieces the instructions do not matter


def spread(figures, key):
    """From the worst round to the best."""
    rounds = figures.rounds(key).values()
    return (f"{number(min(rounds))}-{number(max(rounds))} "
            f"{figures.units[key[2]]} from round to round")


def by_ucx(figures, what, size, way):
    """UCX has to be called, and its caller has to be checked. Where nobody has
    counted instructions, its spread has to do."""
    call = f"instructions_{COUNTED[what]}"
    keys = [("rsm-ucx", way, call, 0) for way in ("librsm alone", "UCX alone")]
    if size > SMALL or not all(key in figures for key in keys):
        _, theirs = pair(figures, "rsm-ucx", "ucx", what, size, way)
        turn = "in turn with us" if theirs[0] == "rsm-ucx" else "itself"
        copies = "either is one memcpy() of UCX; " if size > SMALL else ""
        return f"{copies}bare UCX {turn} has {spread(figures, theirs)}"
    ours, below = (figures.median(key) for key in keys)
    return (f"of the instructions of such a call {number(below)} are those of "
            "UCX's layer of transports, which librsm calls without the "
            f"protocols above it, {number(ours)} look at handle, permission, "
            "bounds and withdrawal and keep UCX to one thread; the rest of the "
            "time is the copy itself")


def beside_tcp(figures, theirs, mine):
    values = share(figures, mine, theirs)
    return number(statistics.median(values)) if values else ""


def by_network(figures, what, size, way):
    """What is promised takes a question and its answer, and who is reached
    sleeps until it comes."""
    found = []
    mine, theirs = pair(figures, "rsm-tcp", "ucx-tcp", what, size, "asked")
    asked = beside_tcp(figures, theirs, mine)
    if asked and way != "asked" and what.startswith(("put", "get")):
        why = ("each get is there when its call returns"
               if what.startswith("get") else
               "what has landed is known by a word that is read behind it")
        found.append(f"{why}: of bare UCX that does the same, {asked}")
    mine, _ = pair(figures, "rsm-tcp", "ucx-tcp", what, size, way)
    asleep = beside_tcp(figures,
                        ("ucx-tcp-sleep", "allocate/flush", what, size), mine)
    if asleep:
        found.append("no core of the target polls for us: of bare UCX with a "
                     f"target that sleeps, {asleep}")
    if theirs in figures:
        found.append(f"bare UCX has {spread(figures, theirs)}")
    return "; ".join(found)


def by_machine(figures, what, size):
    """The machine itself, in turn with us, and how it differs from round to
    round."""
    best = bare(figures, what, size)
    ratios = together(figures, quotient, (*BESIDE, what, size), best)
    if not ratios:
        return ""
    return (f"the bare machine on the same pages ({best[1]}) has "
            f"{spread(figures, best)}; librsm in turn with it "
            f"{number(statistics.median(ratios))} of it")


def by_parts(figures):
    """What a connection consists of."""
    if not all(key in figures for key in CONNECT_PARTS):
        return ""
    return "; ".join(f"{name} takes {spread(figures, key)}" for name, key in
                     zip(("a socket's round trip", "UCX's part"),
                         CONNECT_PARTS))


def by_flags(figures, way):
    """Who waits for the other waits for a cache line."""
    flags = ("rsm-mpi", way.replace("/pscw", "/flags"), "put", 8)
    ratios = together(figures, quotient, ("rsm-mpi", way, "put", 8), flags)
    if not ratios:
        return ""
    rounds = figures.rounds(flags).values()
    return ("two bare flags in turn and a copy, in the same job: "
            f"{number(min(rounds))}-{number(max(rounds))} us from round to "
            f"round; librsm {number(statistics.median(ratios))} of it")


def by_instruction(figures, ours):
    """Operations on a word: what the machine needs for one, beside librsm."""
    found = bare(figures, ours[2], 8)
    if found is None:
        return ""
    return (f"the bare locked instruction {spread(figures, found)}; the call "
            f"and its flush {spread(figures, ours)}")


def by_library(figures, what, size, kind):
    """Both in turn, in the job of the component that is nearest."""
    both = mpi_in_turn(figures, what, size, kind)
    ours = ("rsm-mpi", f"{kind}/flush", what, size)
    if not both:
        return by_machine(figures, what, size) or (
            f"librsm has {spread(figures, ours)}" if ours in figures else "")
    return (f"in turn in one job with {both[1][0].rpartition('-')[2]}, which "
            f"has {spread(figures, both[1])}; librsm "
            f"{spread(figures, both[0])}")


def by_mpi(figures, what, size, way):
    """@p what: kind and way of completion, or what was measured; @p way: what
    was measured, or the kind."""
    if way in ("allocate", "create", "dynamic"):
        return by_library(figures, what, size, way)
    ours = ("rsm-mpi", what, way, size)
    if ours not in figures:
        return ""
    if way in ("fetch_add", "compare_swap"):
        return by_instruction(figures, ours)
    if way == "put" and what.endswith("/pscw"):
        return by_flags(figures, what)
    return f"librsm has {spread(figures, ours)}"


def reason(figures, goal):
    if goal.about is None:
        return ""
    launch, what, size, way = goal.about
    if launch == "rsm-mpi":
        return by_mpi(figures, what, size, way)
    if what == "connect":
        return by_parts(figures)
    if launch == "rsm-ucx":
        return by_ucx(figures, what, size, way)
    if launch == "rsm-tcp":
        return by_network(figures, what, size, way)
    return by_machine(figures, what, size)


def table(figures, goals):
    """Of the goals that were not reached, if there are any."""
    missed = [goal for goal in goals if not goal.is_met(goal.median)]
    if not missed:
        return ""
    text = ["### What stands in the way\n",
            "| not reached | wanted | median | limit |", "|---|---|---:|---|"]
    text.extend(f"| {goal.name} | {goal.wanted()} "
                f"| {number(goal.median)}{goal.unit} "
                f"| {reason(figures, goal)} |" for goal in missed)
    return "\n".join(text) + "\n\n"
