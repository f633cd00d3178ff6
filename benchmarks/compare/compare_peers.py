# SPDX-License-Identifier: BSD-3-Clause
"""The peers: which program measures each, and how it is started."""
import json
import os
import shutil
import subprocess

MAIN = ("put", "get", "put_bw", "get_bw", "fetch_add", "compare_swap",
        "visible", "wait", "wake", "connect", "export", "clock", "round_trip")
RATE = ("rate",)
ONE_CORE = ("answer", "wait_one_core")

SYMMETRIC_HEAP = {"SHMEM_SYMMETRIC_SIZE": "256M"}


class Peer:
    """One way to start one program."""

    def __init__(self, name, title, program, launcher=None, options=(),
                 environment=None, kinds=None, skips=None, without=None):
        self.name = name
        self.title = title
        self.program = program
        self.launcher = launcher  # names of programs, the first found is used
        self.options = list(options)
        self.environment = environment or {}
        self.kinds = kinds
        self.without = without or {}  # the same for tests
        self.is_slow = "tcp" in name  # large sizes would take all the time
        self.largest = 1 << 20 if self.is_slow else 1 << 26
        self.skips = skips or {}  # phases left out, and why

    def missing(self, folder):
        """Why this peer is left out, or None."""
        if not os.access(os.path.join(folder, self.program), os.X_OK):
            return f"{self.program} was not built"
        if self.launcher and not self.launcher_path():
            return f"{self.launcher[0]} is not installed"
        return None

    def launcher_path(self):
        for name in self.launcher:
            path = shutil.which(name)
            if path:
                return path
        return None

    def command(self, folder, arguments, phase="main"):
        start = []
        if self.launcher:
            start = [self.launcher_path(), *self.options, "-n", "2"]
        kinds = self.kinds
        if phase != "main" and self.launcher is not None:
            kinds = (kinds or "allocate").partition(",")[0]
        if kinds:
            arguments = [*arguments, "-k", kinds]
        return [*start, os.path.join(folder, self.program), *arguments]


OPEN_MPI = ("mpirun.openmpi", "mpirun")
UNBOUND = ("--bind-to", "none", "--oversubscribe")  # the programs bind


def open_mpi(component, *options, name=None, **others):
    return Peer(f"ompi-{name or component}", f"Open MPI, osc {component}",
                "compare_mpi", OPEN_MPI,
                (*UNBOUND, "--mca", "osc", component, *options), **others)


OB1 = ("--mca", "pml", "ob1")
# Without these Open MPI leaves UCX to machines with InfiniBand.
UCX = ("--mca", "pml", "ucx", "--mca", "pml_ucx_tls", "any",
       "--mca", "pml_ucx_devices", "any")


# Seen with Open MPI 4.1.4.
RDMA_WITHOUT = {test: "ends the target by a signal, on allocated windows"
                for test in ("fetch_add", "compare_swap")}
TCP_SKIPS = {phase: "left out over tcp" for phase in ("rate", "one_core")}

PEERS = [
    Peer("rsm", "librsm, direct", "compare_rsm", OPEN_MPI, UNBOUND),
    Peer("floor", "the machine", "compare_floor"),
    Peer("ucx", "bare UCX, posix", "compare_ucx",
         environment={"UCX_TLS": "posix,self"}),
    Peer("rsm-ucx", "librsm, RSM_DIRECT=n", "compare_rsm", OPEN_MPI, UNBOUND,
         {"RSM_DIRECT": "n"}),
    open_mpi("sm", *OB1, kinds="allocate"),
    open_mpi("rdma", *OB1, kinds="allocate", without=RDMA_WITHOUT),
    open_mpi("rdma", *OB1, name="rdma-user", kinds="create,dynamic"),
    open_mpi("ucx", *UCX),
    open_mpi("pt2pt", *OB1, skips={"rate": "has no threads"}),
    Peer("mpich", "MPICH", "compare_mpich", ("mpirun.mpich",)),
    Peer("shmem", "OpenSHMEM of Open MPI", "compare_shmem",
         ("oshrun", *OPEN_MPI), UNBOUND, SYMMETRIC_HEAP,
         skips={"rate": "puts in a thread's own context do not return"}),
    Peer("rsm-tcp", "librsm, UCX_TLS=tcp,self", "compare_rsm", OPEN_MPI,
         UNBOUND, {"UCX_TLS": "tcp,self"}, skips=TCP_SKIPS),
    Peer("ucx-tcp", "bare UCX, tcp", "compare_ucx",
         environment={"UCX_TLS": "tcp,self"}, kinds="allocate",
         skips=TCP_SKIPS),
    Peer("ucx-tcp-sleep", "bare UCX, tcp, a target that sleeps", "compare_ucx",
         environment={"UCX_TLS": "tcp,self", "COMPARE_UCX_SLEEPS": "1"},
         kinds="allocate", skips=TCP_SKIPS),
]


class Failure(Exception):
    """A program that did not end well, and what it had measured before."""

    def __init__(self, why, rows=()):
        super().__init__(why)
        self.rows = rows


def run(command, environment, seconds):
    """Starts one program and gives the rows it has printed."""
    try:
        done = subprocess.run(command, env={**os.environ, **environment},
                              capture_output=True, text=True, timeout=seconds,
                              check=False)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"did not end in {seconds} s") from late
    rows = []
    for line in done.stdout.splitlines():
        if line.startswith("{") and line.endswith("}"):
            rows.append(json.loads(line))
    is_done = any("done" in row for row in rows)
    rows = [row for row in rows if "done" not in row]
    # Debian's shmem_finalize crashes, after everything was measured.
    if not is_done:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise Failure(f"ended with status {done.returncode}"
                      + (f": {said[0].strip()}" if said else ""), rows)
    return rows
