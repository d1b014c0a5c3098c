#!/bin/sh
# Builds autosim and runs every test; installs what they need first (Debian 12).
# Usage: ./test.sh [BUILD-FOLDER [MESON-SETUP-OPTION...]]
set -eu
cd "$(dirname "$0")"
. scripts/packages.sh
need_packages $BUILD_PACKAGES libcmocka-dev gromacs python3 python3-numpy \
    python3-mdanalysis python3-pymbar clang-format slurm-wlm munge man-db zsh fish \
    chromium-headless-shell
build=${1:-build}
[ $# -gt 0 ] && shift
if [ -f "$build/build.ninja" ]; then
    [ $# -eq 0 ] || meson configure "$build" "$@"
else
    meson setup "$build" "$@"
fi
ninja -C "$build"
# Tests of the colvars bias need a newer GROMACS than Debian 12 has; without it they skip.
sh scripts/second-gromacs.sh "$build/second-gromacs" ||
    echo "There is no second GROMACS: the tests that need it are skipped." >&2
meson test -C "$build" --print-errorlogs
