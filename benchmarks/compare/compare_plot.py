# SPDX-License-Identifier: BSD-3-Clause
"""Latency and bandwidth against size, one line a peer, drawn by gnuplot."""
import os
import shutil
import subprocess
import tempfile

from compare_figures import Figures

# what: name of the file, title, unit, transport
PLOTS = (("put", "put_latency", "Put until it is complete, on one host", "microseconds",
          False),
         ("get", "get_latency", "Get, on one host", "microseconds", False),
         ("put_bw", "put_bandwidth", "Puts, 64 at a time, on one host", "MB/s", False),
         ("get_bw", "get_bandwidth", "Gets, 64 at a time, on one host", "MB/s", False),
         ("put", "put_latency_tcp", "Put until it is complete, over tcp",
          "microseconds", True),
         ("put_bw", "put_bandwidth_tcp", "Puts, 64 at a time, over tcp",
          "MB/s", True))

# The ways that a line stands for; of the machine the best copy of each size.
WAYS = ("implicit", "quiet", "flush", "allocate/flush", "create/flush",
        "dynamic/flush")

# Lines that say nothing beside others of the same library.
UNSHOWN = {("ucx", "create/flush"), ("ompi-pt2pt", "dynamic/flush"),
           ("ompi-pt2pt", "allocate/flush"), ("mpich", "dynamic/flush"),
           ("mpich", "allocate/flush"), ("ompi-ucx", "dynamic/flush"),
           ("ompi-rdma-user", "dynamic/flush")}

COLOURS = {"rsm": "#c00000", "rsm-mpi": "#e00080", "rsm-mpi-tcp": "#e00080",
           "ompi-rdma-user": "#8040a0", "rsm-ucx": "#e07000", "rsm-tcp": "#d0a000",
           "floor": "#000000",
           "ucx": "#0060c0", "ucx-tcp": "#60a0e0",
           "shmem": "#008040", "ompi-sm": "#808080", "ompi-rdma": "#8040a0",
           "ompi-ucx": "#40a0a0", "ompi-pt2pt": "#a06040", "mpich": "#c060a0"}
DASHES = {"create/flush": 2, "dynamic/flush": 3}

MAIN_LINES = ("rsm", "rsm-tcp", "rsm-mpi", "floor")

HEAD = """set terminal svg size 1040,560 dynamic background rgb 'white' font 'sans,13'
set output '{file}'
set title '{title}'
set xlabel 'bytes'
set ylabel '{unit}'
set logscale x 2
set logscale y 10
set format x '%.0b%B'
set format y '%g'
set grid
set key outside right noenhanced
"""


def lines(figures, peers, what, is_tcp):
    """(label, launch, way, points) of each line."""
    found = []
    for launch in peers:
        if launch.endswith("tcp") != is_tcp:
            continue
        if launch == "floor":
            points = [(size, figures.best(figures.keys("floor", what, size)))
                      for size in figures.sizes(what)]
            found.append(("best copy", launch, "", [
                (size, figures.median(key)) for size, key in points if key]))
            continue
        for way in WAYS:
            points = [(size, figures.median((launch, way, what, size)))
                      for size in figures.sizes(what)
                      if (launch, way, what, size) in figures
                      and (launch, way) not in UNSHOWN]
            kind = way.partition("/")[0] if "/" in way else ""
            found.append((f"{launch} {kind}".strip(), launch, way, points))
    return [line for line in found if len(line[3]) > 1]


def script(figures, peers, plot, path):
    what, _, title, unit, is_tcp = plot
    text = [HEAD.format(file=path, title=title, unit=unit)]
    parts = []
    for number, (label, launch, way, points) in enumerate(
            lines(figures, peers, what, is_tcp)):
        text.append(f"$line{number} << END\n"
                    + "\n".join(f"{x} {y:.6g}" for x, y in points) + "\nEND\n")
        width = 3 if launch in MAIN_LINES else 1.5
        parts.append(f"$line{number} with lines lw {width} "
                     f"dt {DASHES.get(way, 1)} lc rgb "
                     f"'{COLOURS.get(launch, '#404040')}' title '{label}'")
    if not parts:
        return None
    return "".join(text) + "plot " + ", \\\n     ".join(parts) + "\n"


def draw(results, folder):
    """The names of the files that were drawn."""
    gnuplot = shutil.which("gnuplot")
    if gnuplot is None:
        print("no plots: gnuplot is not installed (Debian has it in the "
              "package gnuplot-nox)")
        return []
    drawn = []
    figures = Figures(results["rows"])
    for plot in PLOTS:
        file = f"{plot[1]}.svg"
        text = script(figures, results["peers"], plot,
                      os.path.join(folder, file))
        if text is None:
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".gp") as commands:
            commands.write(text)
            commands.flush()
            done = subprocess.run([gnuplot, commands.name], check=False,
                                  capture_output=True, text=True)
        if done.returncode == 0:
            drawn.append(file)
        else:
            print(f"no {file}: gnuplot says {done.stderr.strip()}")
    return drawn
