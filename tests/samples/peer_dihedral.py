#!/usr/bin/env python3
"""The profile of a dihedral, which has a period: `pmf --from gmx-wham` on real pull
simulations of four atoms against the exact torsion potential, and `--from meta --periodic`
on the same samples.

    peer_dihedral.py AUTOSIM
"""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

import pull

WINDOWS = 20
CONSTANT = 80.0  # kJ/mol/rad^2
DEGREE = math.pi / 180
CONF = """four atoms
    4
    1AAA      A    1   2.400   2.600   2.500
    1AAA      B    2   2.400   2.500   2.500
    1AAA      C    3   2.500   2.500   2.500
    1AAA      D    4   2.500   2.600   2.510
   5.0 5.0 5.0
"""
TOPOLOGY = """[ defaults ]
1 2 no 1 1
[ atomtypes ]
A 10 0 A 0 0
[ moleculetype ]
M 0
[ atoms ]
1 A 1 AAA A 1 0 10
2 A 1 AAA B 2 0 10
3 A 1 AAA C 3 0 10
4 A 1 AAA D 4 0 10
[ bonds ]
1 2 1 0.1 20000
2 3 1 0.1 20000
3 4 1 0.1 20000
[ angles ]
1 2 3 1 90 500
2 3 4 1 90 500
[ dihedrals ]
1 2 3 4 1 30 5 1
1 2 3 4 1 0 4 3
[ system ]
four atoms
[ molecules ]
M 1
"""
WINDOW = """pull-coord1-groups = 1 2 2 3 3 4
pull-coord1-geometry = dihedral
pull-coord1-init = {centre}
pull-coord1-k = {constant}
"""


def exact(x):
    return 5 * (1 + math.cos((x - 30) * DEGREE)) + 4 * (1 + math.cos(3 * x * DEGREE))


def centre(k):
    return -180 + 360 / WINDOWS * k


def simulate(folder):
    names = pull.simulate(folder, CONF, TOPOLOGY, "abcd",
                          [WINDOW.format(centre=centre(k), constant=CONSTANT)
                           for k in range(WINDOWS)], 0.002, 100000)
    pull.write(folder, "meta.dat", "".join(
        f"{name}_pullx.xvg {centre(k) % 360} {CONSTANT * DEGREE ** 2!r} 1 "
        f"{pull.TEMPERATURE}\n" for k, name in enumerate(names)))


def pmf(autosim, cwd, out, *arguments, code=0):
    done = subprocess.run([autosim, "pmf", "-C", out, "--discard", "20", *arguments],
                          cwd=cwd, text=True, capture_output=True)
    if done.returncode != code:
        sys.exit(f"pmf {' '.join(arguments)}: exit {done.returncode}, {code} was expected\n"
                 f"{done.stdout}{done.stderr}")
    return json.load(open(os.path.join(cwd, out, "pmf", "pmf.json"))) if code == 0 \
        else done.stderr


def rms(a, b):
    shift = (sum(a) - sum(b)) / len(a)
    return (sum((x - y - shift) ** 2 for x, y in zip(a, b)) / len(a)) ** 0.5


def check(name, value, limit):
    print(f"{'ok' if value <= limit else 'FAILED'} {name}: {value:.3g} (limit {limit:.3g})")
    if value > limit:
        sys.exit(1)


def main():
    autosim = os.path.abspath(sys.argv[1])
    if not shutil.which("gmx"):
        print("skipped: there is no gmx on the PATH")
        sys.exit(77)
    cwd = tempfile.mkdtemp(prefix="autosim-test-")
    simulate(cwd)
    ours = pmf(autosim, cwd, "x", "--from", "gmx-wham", "tpr.dat", "pullx.dat")
    assert ours["period"] == 360 and ours["connected"]
    f = ours["pmf_kj_mol"]
    check("exact torsion, rms", rms(f, [exact(x) for x in ours["x_nm"]]),
          1.5 * max(ours["error_kj_mol"]))
    check("size of the error", max(ours["error_kj_mol"]), 0.6)
    forces = pmf(autosim, cwd, "f", "--from", "gmx-wham", "tpr.dat", "pullf.dat")
    # Not the bins: printed digits move a sample in a thousand over an edge.
    check("angles and moments", rms(ours["f_k_kj_mol"], forces["f_k_kj_mol"]), 1e-3)
    meta = pmf(autosim, cwd, "meta", "--from", "meta", "meta.dat", "--periodic", "360")
    assert meta["x_nm"][0] > 0
    half = WINDOWS // 2
    f_k = ours["f_k_kj_mol"]
    check("list of windows, from 0 to 360 degrees",
          rms(f_k[half:] + f_k[:half], meta["f_k_kj_mol"]), 1e-4)
    message = pmf(autosim, cwd, "bad", "--from", "meta", "meta.dat", "--periodic", "100",
                  code=3)
    assert "expected" in message, message
    message = pmf(autosim, cwd, "bad", "--from", "gmx-wham", "tpr.dat", "pullx.dat",
                  "--periodic", "180", code=2)
    assert "dihedrals" in message, message
    message = pmf(autosim, cwd, "bad", "--from", "meta", "meta.dat", code=3)
    assert "deg" in message, message
    shutil.rmtree(cwd)


if __name__ == "__main__":
    main()
