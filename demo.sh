#!/bin/sh
# From nothing to a free-energy profile: installs what is missing (Debian 12), builds
# autosim, simulates alanine dipeptide for 4 ns, and gives the trajectory to
# `autosim run`. A minute or two on two cores. Usage: ./demo.sh [FOLDER]
# Started again on the same folder, it goes on where it stopped.
set -eu
cd "$(dirname "$0")"
. scripts/packages.sh
out=${1:-demo-output}

need_packages $BUILD_PACKAGES gromacs
[ -f build/build.ninja ] || meson setup build >build.log 2>&1 || { cat build.log >&2; exit 1; }
rm -f build.log
ninja -C build cli/autosim src/engine/autosim-shim tests/reference/compare_profiles \
    >build/ninja.log 2>&1 || { tail -40 build/ninja.log >&2; exit 1; }
build=$PWD/build

mkdir -p "$out"
cp examples/alanine/* "$out"
cd "$out"

# Runs a preparation step quietly; shows its output where it fails.
step() {
    name=$1
    shift
    "$@" >"$name.out" 2>&1 </dev/null || { tail -30 "$name.out" >&2; exit 1; }
}

if [ ! -f unbiased.gro ]; then
    echo "Simulating alanine dipeptide in vacuum without bias, 4 ns (half a minute) ..."
    if [ ! -f unbiased.tpr ]; then
        step pdb2gmx gmx pdb2gmx -f alanine.pdb -o start.gro -ff amber99sb-ildn -water none
        step editconf gmx editconf -f start.gro -o box.gro -c -box 2.87
        step minimise gmx grompp -f minimise.mdp -c box.gro -o minimise.tpr
        step minimise gmx mdrun -deffnm minimise -ntmpi 1 -ntomp 1 -pin off
        step grompp gmx grompp -f unbiased.mdp -c minimise.gro -o unbiased.tpr
    fi
    step unbiased gmx mdrun -deffnm unbiased -cpi unbiased.cpt -ntmpi 1 -ntomp 1 -pin off
fi

echo "autosim run unbiased.tpr unbiased.xtc"
"$build/cli/autosim" run unbiased.tpr unbiased.xtc
echo
echo "Against 180 ns of simulation without bias (examples/alanine/README.md):"
"$build/tests/reference/compare_profiles" autosim reference.json 10 0.3
echo "All of it is in $PWD/autosim; open $PWD/autosim/report.html in a browser."
