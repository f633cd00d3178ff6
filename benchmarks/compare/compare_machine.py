# SPDX-License-Identifier: BSD-3-Clause
"""What the figures were measured on."""
import os
import platform
import re
import shutil
import subprocess


def first_line(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return ""


def version_of(*command):
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+[.\w]*", done.stdout + done.stderr)
    return found.group(0) if found else ""


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return {}
    name = re.search(r"^model name\s*: (.*)$", text, re.M)
    return {"name": name.group(1) if name else platform.machine(),
            "virtual": " hypervisor" in text}


def caches():
    found = {}
    folder = "/sys/devices/system/cpu/cpu0/cache"
    if os.path.isdir(folder):
        for entry in sorted(os.listdir(folder)):
            level = first_line(f"{folder}/{entry}/level")
            kind = first_line(f"{folder}/{entry}/type")
            if level and kind != "Instruction":
                found[f"L{level}"] = first_line(f"{folder}/{entry}/size")
    return found


def describe():
    memory = re.search(r"\d+", first_line("/proc/meminfo"))
    governor = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    return {"processor": processor(), "cores": os.cpu_count(),
            "caches": caches(),
            "memory_gib": round(int(memory.group(0)) / 2**20) if memory else 0,
            "kernel": platform.release(), "governor": first_line(governor),
            "load": os.getloadavg()[0],
            "Open MPI": version_of("mpirun.openmpi", "--version"),
            "MPICH": version_of("mpichversion"),
            "C library": platform.libc_ver()[1]}


def sentence(machine):
    cpu = machine["processor"]
    caches_text = ", ".join(f"{name} {size}"
                            for name, size in machine["caches"].items())
    return (f"{cpu.get('name', '?')}, {machine['cores']} cores"
            f"{', a virtual machine' if cpu.get('virtual') else ''}; "
            f"{caches_text}; {machine['memory_gib']} GiB; "
            f"Linux {machine['kernel']}; C library {machine['C library']}; "
            f"Open MPI {machine['Open MPI'] or 'none'}; "
            f"MPICH {machine['MPICH'] or 'none'}; "
            f"load at the end {machine['load']:.1f}")
