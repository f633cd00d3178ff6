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


def rows_of(text):
    """Lines of call, mode, count, and more."""
    for words in map(str.split, text.splitlines()):
        if len(words) >= 3 and words[1] in ("implicit", "explicit"):
            yield {"peer": "rsm", "way": words[1], "size": 0,
                   "what": f"instructions_{words[0]}",
                   "unit": "instructions", "values": [float(words[2])]}


def instructions_round(run, folder):
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
    for row in rows:
        run.results["rows"].append({**row, "launch": "rsm", "round": 1})
