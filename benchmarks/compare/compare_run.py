# SPDX-License-Identifier: BSD-3-Clause
"""Starts the jobs of a comparison, round after round, and keeps what they
print. A run can be continued: what was measured is not measured again."""
import datetime
import json
import os
import shlex
import time

import compare_apps
import compare_instructions
import compare_machine
import compare_peers
import compare_scale

QUICK_SIZES = [8, 256, 4096, 32768, 262144, 4194304]
FULL_SIZES = [1 << power for power in range(3, 27)]

EFFORTS = {
    "test": {"rounds": 1, "batches": 2, "microseconds": 20,
             "sizes": [8, 4096], "limit": 45},
    "quick": {"rounds": 3, "batches": 3, "microseconds": 300,
              "sizes": QUICK_SIZES, "seconds": 175, "limit": 20},
    "full": {"rounds": 9, "batches": 5, "microseconds": 2000,
             "sizes": FULL_SIZES, "limit": 120}}

# Whose failure is ours.
OURS = ("rsm", "floor")

LAUNCH_S = 0.5  # until a job has started and ended
SHORT_S = 20    # at most, whatever is not "main"


def is_ours(name):
    return name.startswith(OURS)


class Run:
    """What was measured: rows of one round after the other."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.effort = dict(EFFORTS[options.mode])
        if options.rounds:
            self.effort["rounds"] = options.rounds
        self.peers = []
        self.results = {
            "date": datetime.datetime.now(datetime.timezone.utc)
                    .isoformat(timespec="seconds"),
            "mode": options.mode, "effort": self.effort,
            "cores": options.cores, "machine": compare_machine.describe(),
            "limits": compare_scale.limits(), "rounds": 0, "seconds": 0,
            "peers": {}, "seconds_of": {}, "absent": {}, "broken": [],
            "jobs": [], "rows": []}
        # The programs end themselves; what stands in front may have to wait.
        self.patience = (None if options.prefix
                         else self.effort["limit"] + 15)

    @property
    def path(self):
        return os.path.join(self.options.output, "results.json")

    def resume(self):
        """Goes on where the run in the folder was interrupted."""
        with open(self.path, encoding="utf-8") as file:
            results = json.load(file)
        for key in ("mode", "cores"):
            if results[key] != self.results[key]:
                raise ValueError(f"{self.path} has another {key}: "
                                 f"{results[key]}")
        results["effort"]["rounds"] = self.effort["rounds"]
        self.results = results
        self.effort = results["effort"]

    def write(self):
        """Again and again: an interrupted run can be reported, too."""
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(self.results, file, indent=0)

    def note(self, name, why):
        """Once is enough."""
        if self.results["absent"].setdefault(name, why) is why:
            print(f"   {name}: {why}", flush=True)

    # ---- jobs ----

    def job(self, name, command, environment, number, launch):
        """One program; its rows are those of the peer @p launch."""
        results = self.results
        if name in results["broken"] or [name, number] in results["jobs"]:
            return
        command = [*shlex.split(self.options.prefix), *command]
        began = time.monotonic()
        try:
            rows = compare_peers.run(command, environment, self.patience)
        except compare_peers.Failure as failure:
            self.note(name, f"{failure} ({shlex.join(command)})")
            results["broken"].append(name)
            rows = failure.rows
        took = time.monotonic() - began
        results["seconds_of"][name] = round(
            results["seconds_of"].get(name, 0) + took, 2)
        results["seconds"] = round(results["seconds"] + took, 2)
        results["jobs"].append([name, number])
        for row in rows:
            if "absent" in row:
                self.note(f"{name}, {row['absent']}",
                          "this library does not have that")
            else:
                results["rows"].append({**row, "launch": launch,
                                        "round": number})

    def arguments(self, peer, phase):
        cores = self.options.cores
        if phase.is_one_core:
            cores = ",".join([cores.split(",", maxsplit=1)[0]] * 2)
        sizes = [size for size in self.effort["sizes"]
                 if size <= peer.largest]
        return ["-t", ",".join(phase.tests), "-p", cores,
                "-m", ",".join(str(size) for size in sizes),
                "-b", str(self.effort["batches"]),
                "-u", str(self.effort["microseconds"]),
                "-l", str(self.effort["limit"] if phase.name == "main"
                          else min(SHORT_S, self.effort["limit"]))]

    def phases(self, peer, number):
        """What is measured of a peer in this round."""
        for phase in compare_peers.PHASES:
            if phase.part not in self.options.parts or not phase.is_for(peer):
                continue
            # Others' details once, where time is short.
            if (phase.name == "main" or is_ours(peer.name) or number == 1
                    or self.options.mode == "full"):
                yield phase

    def peer_round(self, peer, number):
        for phase in self.phases(peer, number):
            name = (peer.name if phase.name == "main"
                    else f"{peer.name} ({phase.name})")
            if phase.name in peer.skips:
                self.note(name, peer.skips[phase.name])
                continue
            self.job(name, peer.command(self.folder,
                                        self.arguments(peer, phase), phase),
                     peer.environment, number, launch=peer.name)

    # ---- all of it ----

    def expected(self, number):
        """About how many seconds a round takes."""
        batch = self.effort["microseconds"] / 1e6
        batches = self.effort["batches"] + 1.5
        seconds = 0.0
        for peer in self.peers:
            sizes = [size for size in self.effort["sizes"]
                     if size <= peer.largest]
            kinds = len((peer.kinds or "a,b,c").split(","))
            for phase in self.phases(peer, number):
                if phase.name in peer.skips:
                    continue
                seconds += LAUNCH_S
                if phase.name == "main":
                    # Long steps fill more than a batch: 64 MiB take 10 ms.
                    seconds += kinds * 4 * batches * sum(
                        max(batch, min(64 * size, 1 << 26) / 5e9)
                        for size in sizes)
                else:
                    seconds += 12 * batches * batch
            if "apps" in self.options.parts:
                seconds += len(compare_apps.PLACES.get(peer.name, ())) * 3
        if "scale" in self.options.parts:
            seconds += compare_scale.seconds(self.options.mode, number == 1)
        return seconds

    def announce(self):
        rounds = self.effort["rounds"]
        later = self.expected(2) if rounds > 1 else 0
        seconds = self.expected(1) + (rounds - 1) * later
        most = self.effort.get("seconds", seconds)
        minutes = max(1, round(min(seconds, most) / 60))
        print(f"-- {rounds} round{'s' * (rounds > 1)} of {len(self.peers)} "
              f"peers: about {minutes} minute{'s' * (minutes > 1)}",
              flush=True)

    def other_parts(self, number):
        options = self.options
        if "scale" in options.parts:
            compare_scale.scale_round(self, compare_peers.launcher(),
                                      self.folder, number)
            self.write()
        if "instructions" in options.parts and number == 1:
            compare_instructions.instructions_round(self, self.folder)
            self.write()

    def round(self, number):
        for peer in self.peers:
            self.peer_round(peer, number)
            if "apps" in self.options.parts:
                compare_apps.app_round(self, peer, self.folder, number)
            self.write()
        self.other_parts(number)

    def measure(self):
        for peer in compare_peers.PEERS:
            why = peer.missing(self.folder)
            if peer.name in self.options.wanted and why:
                self.note(peer.name, f"left out: {why}")
            elif peer.name in self.options.wanted:
                self.peers.append(peer)
                self.results["peers"][peer.name] = peer.title
        self.announce()
        began = time.monotonic()
        for number in range(1, self.effort["rounds"] + 1):
            # One more as long as those before took?
            expected = ((time.monotonic() - began) * number
                        / max(1, number - 1))
            if number > 1 and expected > self.effort.get("seconds", expected):
                print(f"-- no time for round {number}", flush=True)
                break
            print(f"-- round {number} of {self.effort['rounds']}, "
                  f"{time.monotonic() - began:.0f} s", flush=True)
            self.results["rounds"] = max(number, self.results["rounds"])
            self.round(number)
        self.results["machine"] = compare_machine.describe()
        self.write()
        return self.results


def merge(paths):
    """Several runs as one. Ratios are built within a round, hence rounds of
    different runs have different numbers."""
    merged = None
    for path in paths:
        with open(path, encoding="utf-8") as file:
            results = json.load(file)
        if merged is None:
            merged = results
            continue
        for row in results["rows"]:
            row["round"] += merged["rounds"]
        merged["rows"] += results["rows"]
        merged["rounds"] += results["rounds"]
        merged["seconds"] += results["seconds"]
        merged["broken"] += results["broken"]
        merged["peers"].update(results["peers"])
        for name, why in results["absent"].items():
            merged["absent"].setdefault(name, why)
    return merged
