# SPDX-License-Identifier: BSD-3-Clause
"""Instructions of the hot calls, as ci/check_instructions counts them: it is
found from the build tree, and needs valgrind."""
import os
import re
import shutil
import subprocess

SECONDS = 120


def source_folder(tree):
    try:
        with open(os.path.join(tree, "CMakeCache.txt"),
                  encoding="utf-8") as file:
            found = re.search(r"^CMAKE_HOME_DIRECTORY:\w+=(.*)$", file.read(),
                              re.M)
    except OSError:
        return None
    return found.group(1) if found else None


def row(launch, way, call, count):
    return {"peer": "rsm", "launch": launch, "way": way, "size": 0,
            "what": f"instructions_{call}", "unit": "instructions",
            "values": [float(count)]}


def rows_of(text):
    """Lines of call, mode, count, and more. Where UCX copies, "and UCX N"."""
    for words in map(str.split, text.splitlines()):
        if len(words) < 3:
            continue
        if words[1] in ("implicit", "explicit"):
            yield row("rsm", words[1], words[0], words[2])
        below = re.search(r"and UCX (\d+)", " ".join(words))
        if words[1] == "ucx" and below:
            yield row("rsm-ucx", "librsm alone", words[0], words[2])
            yield row("rsm-ucx", "UCX alone", words[0], below.group(1))


def instructions_round(run, folder):
    """Once is enough, also when a run is resumed."""
    if any(row["what"].startswith("instructions_")
           for row in run.results["rows"]):
        return
    tree = os.path.realpath(os.path.join(folder, "..", ".."))
    source = source_folder(tree)
    script = source and os.path.join(source, "ci", "check_instructions")
    if not script or not os.access(script, os.X_OK):
        run.note("instructions", "no source tree beside the build tree")
        return
    if shutil.which("valgrind") is None:
        run.note("instructions", "valgrind is not installed")
        return
    try:
        done = subprocess.run([script, tree], capture_output=True, text=True,
                              timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        run.note("instructions", f"not counted in {SECONDS} s")
        return
    rows = list(rows_of(done.stdout))
    if not rows:
        said = (done.stdout + done.stderr).strip().splitlines()
        run.note("instructions", said[-1] if said else "nothing was counted")
    run.results["rows"] += [{**found, "round": 1} for found in rows]
