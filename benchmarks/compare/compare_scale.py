# SPDX-License-Identifier: BSD-3-Clause
"""How cost grows with ranks, imports and segments, and what that predicts.

Every quantity is measured at several numbers, a straight line is laid through
them (least squares), and the line is followed to TARGET ranks. What a process
or the machine can have at most is asked from the kernel."""
import os
import resource
import statistics

import compare_goals
from compare_figures import number

TARGET = 10000

RANKS = {"test": (2, 3), "quick": (2, 8, 32, 64),
         "full": (2, 4, 8, 16, 32, 64)}
RANKS_TCP = {"test": (2,), "quick": (2, 8), "full": (2, 4, 8, 16)}
MANY = {"test": (10, 50), "quick": (10, 1000, 10000),
        "full": (10, 100, 1000, 10000)}
LENGTHS = {"test": (4096, 65536),
           "quick": (4096, 1 << 20, 1 << 26),
           "full": tuple(4096 << step for step in range(0, 15, 2))}

# name of the peer, which is the way, environment
WAYS = (("rsm", RANKS, {}), ("rsm-tcp", RANKS_TCP, {"UCX_TLS": "tcp,self"}))


def jobs(mode, first_round):
    """(name, peer, ranks, arguments, environment) of each job."""
    for peer, ranks, environment in WAYS:
        for count in ranks[mode]:
            yield (f"{peer} ({count} ranks)", peer, count,
                   ["-t", "everyone"], environment)
    many = ",".join(map(str, MANY[mode]))
    yield ("rsm (many)", "rsm", 2, ["-t", "many", "-m", many], {})
    lengths = ",".join(map(str, LENGTHS[mode]))
    yield ("rsm (length)", "rsm", 2, ["-t", "length", "-m", lengths], {})
    if first_round and mode != "test":
        yield ("rsm (idle)", "rsm", 2, ["-t", "idle"], {})


def seconds(mode, first_round):
    """About so long does a round take."""
    took = {"test": 1, "quick": 9, "full": 12}[mode]
    return took + (13 if first_round and mode != "test" else 0)


def scale_round(run, launcher, folder, round_number):
    program = os.path.join(folder, "compare_scale")
    for name, peer, ranks, arguments, environment in jobs(
            run.options.mode, round_number == 1):
        command = [*launcher, "-n", str(ranks), program, *arguments, "-p",
                   run.options.cores, "-b", str(run.effort["batches"]),
                   "-l", str(run.effort["limit"])]
        run.job(name, command, environment, round_number, launch=peer)


# ---- lines ----

def line(points):
    """(offset, slope, share that the line explains) of [(x, y)]."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    mean_x, mean_y = statistics.mean(xs), statistics.mean(ys)
    square = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / square
    offset = mean_y - slope * mean_x
    rest = sum((y - offset - slope * x) ** 2 for x, y in points)
    whole = sum((y - mean_y) ** 2 for y in ys)
    return offset, slope, 1.0 - rest / whole if whole else 1.0


class Growth:
    """A whole that grows with a count: per-piece figures times the count."""

    def __init__(self, figures, peer, what, power=1):
        # With power 2 the whole is that of all pairs.
        self.what = what
        self.points = []
        for size in figures.sizes(what):
            key = (peer, "", what, size)
            if size and key in figures:
                self.points.append((size ** power,
                                    figures.median(key) * size ** power))
        self.offset, self.slope, self.share = (
            line(self.points) if len(self.points) > 1 else (0, 0, 0))

    def __bool__(self):
        return len(self.points) > 1

    def at(self, count):
        return self.offset + self.slope * count


# ---- limits ----

def read_number(path):
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def limits():
    """What this machine grants a process; kept with the results."""
    page = os.sysconf("SC_PAGE_SIZE")
    shm = os.statvfs("/dev/shm") if os.path.isdir("/dev/shm") else None
    return {
        "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "descriptors_hard": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "mappings": read_number("/proc/sys/vm/max_map_count"),
        "address_space": 1 << 47,
        "memory": page * os.sysconf("SC_PHYS_PAGES"),
        "dev_shm": shm.f_frsize * shm.f_blocks if shm else None,
        "processes": read_number("/proc/sys/kernel/pid_max")}


# ---- goals of issue-sized numbers ----

def goals(figures):
    found = []
    small, large = 10, 10000
    rounds = compare_goals.together(
        figures, compare_goals.quotient, ("rsm", "", "import", large),
        ("rsm", "", "import", small))
    found.append(compare_goals.Goal(
        "connect where there are 10,000 imports, of one where there are 10",
        rounds, 1.2, True))
    found.append(compare_goals.Goal(
        "resident memory of each of 10,000 imports",
        compare_goals.together(figures, lambda value: value,
                               ("rsm", "", "import_memory", large)),
        512, True, " B"))
    # Of each pair by itself the table of the section tells.
    for name, what in (("time of the machine", "pair_time"),
                       ("processor time", "pair_cpu")):
        growth = Growth(figures, "rsm", what, power=2)
        found.append(compare_goals.Goal(
            f"64 ranks, everyone from everyone: share of the {name} of all "
            "pairs, 2 ranks to 64, that a line explains",
            [growth.share] if growth else [], 0.99, False))
    found.append(compare_goals.Goal(
        "64 ranks: private memory and page tables of a pair, of one among 8",
        compare_goals.together(
            figures, lambda a, b, c, d: (a + b) / max(c + d, 1.0),
            ("rsm", "", "pair_memory", 64), ("rsm", "", "pair_tables", 64),
            ("rsm", "", "pair_memory", 8), ("rsm", "", "pair_tables", 8)),
        1.25, True))
    found.append(compare_goals.Goal(
        "context switches of the service thread in 10 s without traffic",
        compare_goals.together(figures, lambda value: value,
                               ("rsm", "", "idle", 0)), 0, True))
    return found


# ---- the section of the report ----

def measured(figures, title, peer, columns, unit_of_count):
    """A table: a row for each count, a column for each quantity."""
    counts = sorted({size for what, _ in columns
                     for size in figures.sizes(what)
                     if (peer, "", what, size) in figures})
    if not counts:
        return ""
    text = [f"### {title}\n",
            f"| {unit_of_count} | "
            + " | ".join(name for _, name in columns) + " |",
            "|---:" * (len(columns) + 1) + "|"]
    for count in counts:
        cells = []
        for what, _ in columns:
            key = (peer, "", what, count)
            cells.append(number(figures.median(key))
                         if key in figures else "")
        text.append(f"| {count} | " + " | ".join(cells) + " |")
    return "\n".join(text) + "\n\n"


PAIR = [("pair_cpu", "processor µs of a pair"),
        ("pair_time", "µs of the machine for a pair"),
        ("pair_wait", "µs that a connect lasts among all others"),
        ("pair_memory", "private bytes"), ("pair_tables", "page table bytes"),
        ("pair_shared", "shared bytes touched"),
        ("pair_mappings", "mappings"), ("pair_descriptors", "descriptors"),
        ("pair_sockets", "of these sockets")]
IMPORT = [("import", "µs to connect one more"),
          ("release", "µs to disconnect it"),
          ("import_memory", "private bytes each"),
          ("import_tables", "page table bytes each"),
          ("import_mappings", "mappings each"),
          ("import_descriptors", "descriptors each")]
SEGMENT = [("publish", "µs to export and publish one more"),
           ("destroy", "µs to destroy it"),
           ("segment_memory", "private bytes each, with its page"),
           ("segment_mappings", "mappings each"),
           ("segment_descriptors", "descriptors each")]
LENGTH = [("length_export", "µs to export and publish"),
          ("length_connect", "µs to connect"),
          ("length_tables", "page table bytes")]


def human_bytes(value):
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024:
            return f"{number(value)} {unit}"
        value /= 1024
    return f"{number(value)} PiB"


def predictions(figures, found):
    """Rows: what, of one more, at TARGET, limit, enough?"""
    rows = []

    def add(name, growth, show, limit=None, why=""):
        if not growth:
            return
        value = growth.at(TARGET)
        verdict = ""
        if limit is not None:
            most = int((limit - growth.offset) / growth.slope
                       if growth.slope > 0 else 10 ** 9)
            verdict = (f"{show(limit)} ({why}): "
                       + ("enough" if value <= limit
                          else f"**ends at {most}**"))
        rows.append(f"| {name} | {show(growth.slope)} | {show(value)} "
                    f"| {growth.share:.3f} | {verdict} |")

    def seconds_of(us):
        return f"{number(us)} µs" if us < 1e5 else f"{number(us / 1e6)} s"

    for peer, where in (("rsm", "on this host"), ("rsm-tcp", "over tcp")):
        cpu = Growth(figures, peer, "pair_cpu", power=2)
        if cpu:
            # One process has TARGET pairs, whatever the others have.
            rows.append(f"| connect to all ranks, {where}, processor time | "
                        f"{seconds_of(cpu.slope)} "
                        f"| {seconds_of(cpu.slope * TARGET)} "
                        f"| {cpu.share:.3f} | |")
        for what, name, show, limit, why in (
                ("pair_memory", "private memory", human_bytes,
                 found["memory"], "the machine's memory"),
                ("pair_tables", "page tables", human_bytes,
                 found["memory"], "the machine's memory"),
                ("pair_descriptors", "descriptors", number,
                 found["descriptors"], "RLIMIT_NOFILE"),
                ("pair_sockets", "sockets", number,
                 found["descriptors"], "RLIMIT_NOFILE"),
                ("pair_mappings", "mappings", number, found["mappings"],
                 "vm.max_map_count")):
            add(f"{name} of a process with all ranks {where}",
                Growth(figures, peer, what), show, limit, why)
    add("private memory of the imports of a process",
        Growth(figures, "rsm", "import_memory"), human_bytes, found["memory"],
        "the machine's memory")
    add("mappings of the imports of a process",
        Growth(figures, "rsm", "import_mappings"), number, found["mappings"],
        "vm.max_map_count")
    add("descriptors of the segments of a process",
        Growth(figures, "rsm", "segment_descriptors"), number,
        found["descriptors"], "RLIMIT_NOFILE")
    return rows


def section(figures, found):
    """Markdown; empty when nothing of this was measured."""
    if not any((figures.sizes("pair_cpu"), figures.sizes("import"),
                figures.sizes("publish"))):
        return ""
    text = ["\n## How cost grows\n\n",
            "Jobs of `compare_scale`, one after the other. With more ranks "
            "than cores a connect lasts as long as the others take their "
            "turns; the processor time of a pair does not depend on that, and "
            "contains what both sides do.\n\n",
            measured(figures, "Everyone imports from everyone, on one host",
                     "rsm", PAIR, "ranks"),
            measured(figures, "The same with UCX_TLS=tcp,self", "rsm-tcp",
                     PAIR, "ranks"),
            measured(figures, "Imports of one process from another", "rsm",
                     IMPORT, "imports"),
            measured(figures, "Published segments of a page", "rsm", SEGMENT,
                     "segments"),
            measured(figures, "Length of a segment", "rsm", LENGTH, "bytes"),
            f"### Predicted for {TARGET} ranks, imports or segments\n\n",
            "A line through the figures above, and where it meets what this "
            "machine grants. Only ranks of one host share its limits; a host "
            "of a large job has as many as it has cores.\n\n",
            f"| | of one more | at {TARGET} | share that the line explains "
            "| limit here |\n|---|---:|---:|---:|---|\n",
            "\n".join(predictions(figures, found)), "\n\n"]
    space = found["address_space"] // TARGET
    text.append(f"Imports are mapped when they are used: {TARGET} segments of "
                f"more than {human_bytes(space)} each do not fit into a "
                "process's address space at the same time. The pages of "
                "segments lie in nameless files of /dev/shm"
                + (f" ({human_bytes(found['dev_shm'])} here)"
                   if found["dev_shm"] else "")
                + ", where UCX may use shared memory, and are part of the "
                f"machine's memory ({human_bytes(found['memory'])}).\n")
    return "".join(text)
