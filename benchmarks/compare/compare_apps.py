# SPDX-License-Identifier: BSD-3-Clause
"""The small real programs, on librsm and on MPI's windows."""
import os

# Enough work for a tenth of a second or so.
WORK = {"gups": {"quick": ("-n", "65536", "-i", "4"),
                 "full": ("-n", "1048576", "-i", "4"),
                 "test": ("-n", "1024", "-i", "2")},
        "ring": {"quick": ("-n", "65536", "-i", "50000"),
                 "full": ("-n", "65536", "-i", "500000"),
                 "test": ("-n", "4096", "-i", "500")},
        "stencil": {"quick": ("-n", "512", "-i", "500"),
                    "full": ("-n", "1024", "-i", "2000"),
                    "test": ("-n", "64", "-i", "50")}}

# Peers of compare_peers, and kinds of memory. (gups on windows that osc rdma
# has allocated ends by a signal, see there; osc ucx makes no progress on the
# program's own memory while ring waits, and ring does not end.)
PLACES = {"rsm": ("",), "rsm-ucx": ("",), "ompi-sm": ("allocate",),
          "ompi-rdma-user": ("create",), "rsm-mpi": ("allocate", "create"), "ompi-ucx": ("allocate",),
          "rsm-tcp": ("",)}

# What takes longer than everything else together, and says little.
SKIPS = {("rsm-tcp", "gups")}


def app_round(run, peer, folder, number):
    for kind in PLACES.get(peer.name, ()):
        for app, works in WORK.items():
            if (peer.name, app) not in SKIPS:
                one_app(run, peer, kind, app, works, folder, number)


def one_app(run, peer, kind, app, works, folder, number):
    suffix = "rsm" if peer.program == "compare_rsm" else "mpi"
    program = os.path.join(folder, "..", "apps", f"{app}_{suffix}")
    name = f"{peer.name} ({app}{' ' + kind if kind else ''})"
    if not os.access(program, os.X_OK):
        run.note(name, "was not built")
        return
    arguments = [*works[run.options.mode], "-p"]
    if kind:
        arguments += ["-k", kind]
    run.job(name, [*peer.launch(folder), os.path.normpath(program),
                   *arguments], peer.environment, number, launch=peer.name)
