# SPDX-License-Identifier: BSD-3-Clause
"""Latency and bandwidth against size, one line a peer, drawn by gnuplot."""
import os
import shutil
import subprocess
import tempfile

from compare_figures import Figures

PLOTS = {"put": ("put_latency", "Put until it is complete", "microseconds"),
         "get": ("get_latency", "Get", "microseconds"),
         "put_bw": ("put_bandwidth", "Puts, 64 at a time", "MB/s"),
         "get_bw": ("get_bandwidth", "Gets, 64 at a time", "MB/s")}

# The ways that a line stands for; of the machine the best copy of each size.
WAYS = ("implicit", "quiet", "flush", "allocate/flush", "create/flush",
        "dynamic/flush")

COLOURS = {"rsm": "#c00000", "rsm-ucx": "#e07000", "rsm-tcp": "#d0a000",
           "floor": "#000000", "ucx": "#0060c0", "ucx-tcp": "#60a0e0",
           "shmem": "#008040", "ompi-sm": "#808080", "ompi-rdma": "#8040a0",
           "ompi-ucx": "#40a0a0", "ompi-pt2pt": "#a06040", "mpich": "#c060a0"}
DASHES = {"create/flush": 2, "dynamic/flush": 3}

HEAD = """set terminal svg size 960,600 dynamic background rgb 'white' font 'sans,13'
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


def lines(results, what):
    """(label, launch, way, points) of each line."""
    figures = Figures(results["rows"])
    found = []
    for launch in results["peers"]:
        if launch == "floor":
            points = [(size, figures.best(figures.keys("floor", what, size)))
                      for size in figures.sizes(what)]
            found.append(("best copy", launch, "", [
                (size, figures.median(key)) for size, key in points if key]))
            continue
        for way in WAYS:
            points = [(size, figures.median((launch, way, what, size)))
                      for size in figures.sizes(what)
                      if (launch, way, what, size) in figures]
            kind = way.partition("/")[0] if "/" in way else ""
            found.append((f"{launch} {kind}".strip(), launch, way, points))
    return [line for line in found if len(line[3]) > 1]


def script(results, what, path):
    _, title, unit = PLOTS[what]
    text = [HEAD.format(file=path, title=title, unit=unit)]
    parts = []
    for number, (label, launch, way, points) in enumerate(
            lines(results, what)):
        text.append(f"$line{number} << END\n"
                    + "\n".join(f"{x} {y:.6g}" for x, y in points) + "\nEND\n")
        width = 3 if launch in ("rsm", "floor") else 1.5
        parts.append(f"$line{number} with linespoints lw {width} pt 7 ps 0.4 "
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
    for what, (name, _, _) in PLOTS.items():
        file = f"{name}.svg"
        text = script(results, what, os.path.join(folder, file))
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
