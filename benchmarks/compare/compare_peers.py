# SPDX-License-Identifier: BSD-3-Clause
"""The peers: which program measures each, and how it is started."""
import json
import os
import shutil
import subprocess

SIZED = ("put", "get", "put_bw", "get_bw")
MAIN = (*SIZED, "visible", "wait", "wake", "connect", "export", "clock",
        "round_trip")
ATOMICS = ("fetch_add", "compare_swap")

SYMMETRIC_HEAP = {"SHMEM_SYMMETRIC_SIZE": "256M"}

# Where time is short, one way of each peer will do.
MAIN_WAYS = "implicit,explicit,vector,plain,flush,quiet,asked"


class Phase:
    """One job of each peer in each round."""

    def __init__(self, name, part, tests, mpi=None, **others):
        self.name = name
        self.part = part      # for --only
        self.tests = tests
        self.mpi = mpi        # only MPI's program, only others; None: all
        self.ranks = others.get("ranks", 2)
        self.is_one_core = others.get("one_core", False)
        self.is_brief = others.get("brief", False)  # one way, one kind
        self.ways = others.get("ways")  # no others

    def is_for(self, peer):
        is_mpi = peer.program in ("compare_mpi", "compare_mpich")
        return ((peer.is_beside == (self.name == "beside"))
                and (self.mpi is None or self.mpi == is_mpi))


# Whatever may end a peer's program is a job of its own.
PHASES = (
    Phase("main", "sizes", MAIN),
    Phase("beside", "sizes", ("put_bw", "get_bw", "accumulate"),
          ways="beside"),
    Phase("atomics", "atomics", ATOMICS, mpi=False),
    *(Phase(test, "atomics", (test,), mpi=True)
      for test in ("fetch_add", "fetch_add32", "compare_swap",
                   "compare_swap32", "accumulate")),
    Phase("rate", "threads", ("rate",), brief=True),
    Phase("one_core", "one_core", ("answer", "wait_one_core"), brief=True,
          one_core=True),
    Phase("crowd2", "crowd", ("crowd",), mpi=True, one_core=True),
    Phase("crowd4", "crowd", ("crowd",), mpi=True, ranks=4),
    Phase("many", "many", ("many",), mpi=True))

# Parts that are not measured peer by peer.
OTHER_PARTS = ("apps", "instructions", "scale")
PARTS = (*dict.fromkeys(phase.part for phase in PHASES), *OTHER_PARTS)


class Peer:
    """One way to start one program."""

    def __init__(self, name, title, program, launcher=None, options=(),
                 environment=None, kinds=None, skips=None, preload=None):
        self.name = name
        self.title = title
        self.program = program
        self.launcher = launcher  # names of programs, the first found is used
        self.options = list(options)
        self.environment = environment or {}
        self.kinds = kinds
        self.preload = preload  # a library, from the folder of programs
        self.is_slow = "tcp" in name  # large sizes would take all the time
        self.largest = 1 << 20 if self.is_slow else 1 << 26
        self.skips = skips or {}  # phases left out, and why
        # Two libraries in turn in one job, and nothing else.
        self.is_beside = name.startswith("rsm-mpi-beside-")

    def missing(self, folder):
        """Why this peer is left out, or None."""
        if not os.access(os.path.join(folder, self.program), os.X_OK):
            return f"{self.program} was not built"
        if self.launcher and not self.launcher_path():
            return f"{self.launcher[0]} is not installed"
        if self.preload and not os.path.exists(
                os.path.join(folder, self.preload)):
            return f"{os.path.basename(self.preload)} was not built"
        return None

    def launcher_path(self):
        for name in self.launcher:
            path = shutil.which(name)
            if path:
                return path
        return None

    def launch(self, folder, ranks=2):
        """What stands in front of a program."""
        if not self.launcher:
            return []
        start = [self.launcher_path(), *self.options]
        if self.preload:
            path = os.path.realpath(os.path.join(folder, self.preload))
            start += ["-x", f"LD_PRELOAD={path}"]
        return [*start, "-n", str(ranks)]

    def kind_list(self, phase):
        if phase.is_brief and self.launcher is not None:
            return (self.kinds or "allocate").partition(",")[0]
        return self.kinds

    def command(self, folder, arguments, phase):
        if phase.ways:
            arguments = [*arguments, "-w", phase.ways]
        elif phase.is_brief or (self.is_slow and self.preload is None):
            arguments = [*arguments, "-w", MAIN_WAYS]
        kinds = self.kind_list(phase)
        if kinds:
            arguments = [*arguments, "-k", kinds]
        return [*self.launch(folder, phase.ranks),
                os.path.join(folder, self.program), *arguments]


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




def mpi_beside(component, *options):
    """MPI windows on librsm in turn with one that is left to Open MPI."""
    return Peer(f"rsm-mpi-beside-{component}",
                f"MPI windows on librsm and of osc {component} in turn",
                "compare_mpi", OPEN_MPI,
                (*UNBOUND, "--mca", "osc", component, *options),
                {"RSM_MPI": "require"}, preload=SHIM)


TCP_SKIPS = {phase: "left out over tcp"
             for phase in ("rate", "one_core", "crowd2", "crowd4", "many")}
SHIM = "../../bindings/mpi/librsm_mpi.so"

PEERS = [
    Peer("rsm", "librsm, direct", "compare_rsm", OPEN_MPI, UNBOUND),
    Peer("floor", "the machine", "compare_floor"),
    Peer("ucx", "bare UCX, posix", "compare_ucx",
         environment={"UCX_TLS": "posix,self"}),
    Peer("rsm-ucx", "librsm, RSM_DIRECT=n", "compare_rsm", OPEN_MPI, UNBOUND,
         {"RSM_DIRECT": "n"}),
    Peer("rsm-mpi", "MPI windows on librsm", "compare_mpi", OPEN_MPI,
         (*UNBOUND, *OB1), {"RSM_MPI": "require"}, preload=SHIM),
    open_mpi("sm", *OB1, kinds="allocate"),
    open_mpi("rdma", *OB1, kinds="allocate"),
    open_mpi("rdma", *OB1, name="rdma-user", kinds="create,dynamic"),
    open_mpi("ucx", *UCX),
    open_mpi("pt2pt", *OB1, skips={"rate": "has no threads"}),
    mpi_beside("sm", *OB1),
    mpi_beside("rdma", *OB1),
    mpi_beside("ucx", *UCX),
    Peer("mpich", "MPICH", "compare_mpich", ("mpirun.mpich",)),
    Peer("shmem", "OpenSHMEM of Open MPI", "compare_shmem",
         ("oshrun", *OPEN_MPI), UNBOUND, SYMMETRIC_HEAP,
         skips={"rate": "puts in a thread's own context do not return"}),
    Peer("rsm-tcp", "librsm, UCX_TLS=tcp,self", "compare_rsm", OPEN_MPI,
         UNBOUND, {"UCX_TLS": "tcp,self"}, skips=TCP_SKIPS),
    Peer("rsm-mpi-tcp", "MPI windows on librsm, UCX_TLS=tcp,self",
         "compare_mpi", OPEN_MPI, (*UNBOUND, *OB1),
         {"RSM_MPI": "require", "UCX_TLS": "tcp,self"},
         kinds="allocate,create", skips=TCP_SKIPS, preload=SHIM),
    Peer("ucx-tcp", "bare UCX, tcp", "compare_ucx",
         environment={"UCX_TLS": "tcp,self"}, kinds="allocate",
         skips=TCP_SKIPS),
    Peer("ucx-tcp-sleep", "bare UCX, tcp, a target that sleeps", "compare_ucx",
         environment={"UCX_TLS": "tcp,self", "COMPARE_UCX_SLEEPS": "1"},
         kinds="allocate", skips=TCP_SKIPS),
]


def launcher():
    """How a job of librsm starts, whatever the number of its ranks."""
    return [PEERS[0].launcher_path(), *UNBOUND]


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
