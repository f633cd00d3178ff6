# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What the scripts in ci/ share; read by them, not run.

set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Where build trees go, and how many compilers and tests run at once.
ci_build=${CI_BUILD_DIR:-$root/build-ci}
ci_jobs=${CI_JOBS:-$(nproc)}

# mpirun refuses to serve root unless told twice.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# Files of the project that match one of the patterns: what git knows or would
# add; in a tree without git, everything outside build trees.
ci_files() {
    local pattern found
    if git -C "$root" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard -- "$@" |
            while read -r found; do [ ! -f "$found" ] || echo "$found"; done
    else
        for pattern in "$@"; do
            find . -path './build*' -prune -o -type f \
                -path "./${pattern/#\*/*}" -print | sed 's|^\./||'
        done
    fi | sort -u
}

# The first of the programs that is here. The formatter and the linter change
# their minds between versions, so ours come first.
ci_find() {
    local program
    for program in "$@"; do
        if command -v "$program" >/dev/null; then
            echo "$program"
            return
        fi
    done
    echo "none of these programs is here: $*" >&2
    return 1
}

# ci_configure FOLDER OPTION.. : a build tree below ci_build, up to date.
ci_configure() {
    local tree=$ci_build/$1
    shift
    cmake -S "$root" -B "$tree" -G Ninja "$@"
}

ci_compile() {
    cmake --build "$ci_build/$1" -j "$ci_jobs"
}

ci_ctest() {
    local tree=$ci_build/$1
    shift
    ctest --test-dir "$tree" -j "$ci_jobs" --output-on-failure \
        --no-tests=error "$@"
}
