# SPDX-License-Identifier: BSD-3-Clause
"""The report: goals, tables of ratios, what the figures mean."""
import re
import statistics

import compare_goals
import compare_goals_mpi
import compare_limits
import compare_machine
import compare_scale
from compare_figures import Figures, number

MEANING = {
    "put": "one put until it is complete in the other side's memory (with "
           "pscw: at the origin)",
    "get": "one get until its bytes are here",
    "put_bw": "64 puts side by side, then completion; above 1 MiB as many as "
              "make 64 MiB",
    "get_bw": "the same with gets",
    "fetch_add": "atomic addition to 4 or 8 bytes, with the old value",
    "compare_swap": "atomic comparison and exchange of 4 or 8 bytes",
    "accumulate": "1 MiB of doubles is added to as many in the other side's "
                  "memory",
    "crowd": "put of 8 bytes and its fence or post, start, complete, wait, of "
             "2 ranks on one core, or of 4 on two",
    "many_open": "one more window, or one more region of a dynamic window, "
                 "where there are so many",
    "many_first": "the first put to one of so many",
    "many_put": "a later put to one of so many, by turns to ten of them",
    "visible": "a flag is put and seen by the other side, which polls its own "
               "memory: half of there and back",
    "answer": "both processes on one core: put a flag, poll for the answer "
              "with sched_yield: there and back",
    "wait": "the peer's own signal and wait, in turns: half of there and back "
            "(MPI: empty Send and Recv; the machine: a byte in a pipe)",
    "wait_one_core": "the same with both processes on one core",
    "wake": "from a signal to the return of a wait that has been asleep for "
            "0.3 ms",
    "rate1": "one thread puts 8 bytes, completion after 64",
    "rate2": "two threads, each with a connection of its own, on both cores; "
             "the other process sleeps",
    "connect": "connect to a known process and disconnect (bare UCX: unpack "
               "the key, get the pointer, release it)",
    "first_connect": "the first connect to a process",
    "export": "64 MiB of filled memory become a published segment (bare UCX: "
              "map memory of that size and copy)",
    "gups": "random atomic updates of a table spread over two ranks, all "
            "ranks together",
    "ring": "messages of up to 2000 bytes through a ring of 64 KiB with flow "
            "control",
    "stencil": "steps of heat in a plate, two ranks, a row to the neighbour "
               "each step",
    "round_trip": "64 bytes over a socket to a sleeping process and back",
}

APPS = ("gups", "ring", "stencil")
COUNTED = {"crowd": "ranks", "many_open": "of them", "many_first": "of them",
           "many_put": "of them"}

# Of tables that are shown without being asked for.
PUBLISHED_SIZES = (0, 2, 4, 8, 10, 1000, 4096, 10000, 262144, 1048576,
                   4194304)


def spread(values):
    return f"{number(min(values))}–{number(max(values))}"


def reference(figures, what, size):
    """What others are compared with."""
    for way in ("implicit", ""):
        key = ("rsm", way, what, size)
        if key in figures:
            return key
    return None


def table(figures, what, size):
    keys = figures.keys(what=what, size=size)
    ours = reference(figures, what, size)
    unit = figures.units[what]
    better = "lower" if figures.is_time(what) else "higher"
    title = f"{what}, {compare_goals.human(size)}" if size else what
    if what in APPS:
        title = f"{what}, size {size}"
    elif what in COUNTED:
        title = f"{what}, {size} {COUNTED[what]}"
    text = [f"### {title}\n",
            f"| peer | way | median ({unit}, {better} is better) | quartiles "
            "| librsm is better by | rounds |",
            "|---|---|---:|---|---:|---|"]
    keys.sort(key=figures.median, reverse=not figures.is_time(what))
    for key in keys:
        low, high = figures.quartiles(key)
        row = (f"| {key[0]} | {key[1]} | {number(figures.median(key))} "
               f"| {number(low)}–{number(high)} |")
        if ours is None or key == ours:
            text.append(f"{row} | |")
            continue
        ratios = figures.advantage(ours, key)
        text.append(f"{row} {number(statistics.median(ratios))} "
                    f"| {spread(ratios)} |" if ratios else f"{row} | |")
    return "\n".join(text) + "\n"


def goal_table(goals):
    has_peer = any(goal.beside for goal in goals)
    text = ["| goal | wanted | median | rounds | |"
            + (" best Open MPI or MPICH: times ours |" if has_peer else ""),
            "|---|---|---:|---|---|" + ("---|" if has_peer else "")]
    for goal in goals:
        verdict = goal.verdict()
        if not goal.is_met(goal.median):
            verdict = f"**{verdict}**"
        text.append(f"| {goal.name} | {goal.wanted()} "
                    f"| {number(goal.median)}{goal.unit} "
                    f"| {spread(goal.values)} | {verdict} |"
                    + (f" {goal.beside} |" if has_peer else ""))
    return "\n".join(text) + "\n"


def goal_sections(figures):
    found = []
    for title, goals in (
            ("Goals", compare_goals.goals_of(figures)
             + [goal for goal in compare_scale.goals(figures) if goal.values]),
            ("Goals of MPI's one-sided programs",
             compare_goals_mpi.goals_of(figures))):
        if goals:
            met = sum(goal.is_met(goal.median) for goal in goals)
            found.append(f"\n## {title}\n\n{met} of {len(goals)} reached.\n\n"
                         + goal_table(goals) + "\n"
                         + compare_limits.table(figures, goals))
    return "".join(found)


def head(results, figures):
    effort = results["effort"]
    runs = results.get("runs", 1)
    clock = ("floor", "", "clock", 0)
    text = ["# librsm and its peers\n",
            f"{results['date']}, {results['mode']} mode, "
            + (f"{runs} runs of parts one after the other, altogether "
               if runs > 1 else "")
            + f"{results['rounds']} rounds of {effort['batches']} batches, "
            f"{results['seconds']:.0f} s. Cores {results['cores']}.",
            compare_machine.sentence(results["machine"]) + ".\n",
            "In each round every peer has its turn, in a job of its own, "
            "process 0 bound to the first core and process 1 to the second. "
            "A figure is the mean of a batch of at least "
            f"{effort['microseconds']} µs (200 steps where both sides take "
            "part)"]
    if clock in figures:
        text.append("; the clock is read twice for each batch and a reading "
                    f"takes {1e3 * figures.median(clock):.0f} ns, which is "
                    "contained")
    text.append(". Medians and quartiles are of all batches, ratios of the "
                "medians of each round. A spread wider than the difference "
                "says that there is none.\n")
    return "\n".join(text[:3]) + "\n" + "".join(text[3:])


def absent(results):
    if not results["absent"]:
        return "Every peer was there.\n"
    # Commands stand there without the folders and processes of one machine.
    return "".join(
        "- " + re.sub(r"/\S*/|\[\S+:\d+\] (?:\*\*\* )?", "", f"{name}: {why}")
        + "\n" for name, why in results["absent"].items())


def write(results, plots, sizes=None):
    """@p sizes: tables of these only."""
    figures = Figures(results["rows"])
    text = [head(results, figures), "\n## Left out\n\n", absent(results),
            goal_sections(figures)]
    if plots:
        text.append("\n## Plots\n\n")
        text.extend(f"![{name}]({name})\n" for name in plots)
    text.append(compare_scale.section(figures, results["limits"]))
    text.append("\n## Tables\n")
    for what, meaning in MEANING.items():
        shown = [size for size in figures.sizes(what)
                 if sizes is None or size in sizes or what in APPS]
        if not figures.keys(what=what) or not shown:
            continue
        text.append(f"\n## {what}\n\n{meaning[0].upper()}{meaning[1:]}.\n\n")
        text.extend(table(figures, what, size) + "\n" for size in shown)
    return "".join(text)
