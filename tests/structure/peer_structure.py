#!/usr/bin/env python3
"""Whole molecules against MDAnalysis.

    peer_structure.py STRUCTURE_TOOL

Data: AUTOSIM_TEST_DATA, or else AUTOSIM_TEST_DATA_DEFAULT. Exit 77: skipped.
"""
import os
import subprocess
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
try:
    import MDAnalysis
    import numpy as np
    from MDAnalysis.lib.distances import calc_bonds
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)

TOOL = sys.argv[1]
DATA = os.environ.get("AUTOSIM_TEST_DATA") or os.environ["AUTOSIM_TEST_DATA_DEFAULT"]
TPR = os.path.join(DATA, "adk", "adk_oplsaa.tpr")
XTC = os.path.join(DATA, "adk", "adk_oplsaa.xtc")
# lambda1 of the alpha carbons of this trajectory when the protein is whole, Angstrom^2.
LAMBDA1 = 94.97

failures = 0


def complain(*words):
    global failures
    failures += 1
    print("FAILED:", *words)


def whole(selection, atom_count):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([TOOL, "whole", TPR, XTC, selection, out.name], check=True)
        return np.fromfile(out.name, dtype=np.float32).reshape(-1, atom_count, 3)


def principal_variance(x):
    """The largest eigenvalue after superposition on the first frame, 1/(N-1)."""
    x = x.astype(float)
    x -= x.mean(axis=1, keepdims=True)
    for f in range(1, len(x)):
        u, _, vt = np.linalg.svd(x[f].T @ x[0])
        sign = np.sign(np.linalg.det(u @ vt))
        x[f] = x[f] @ (u @ np.diag([1, 1, sign]) @ vt)
    flat = (x - x.mean(axis=0)).reshape(len(x), -1)
    return np.linalg.svd(flat, compute_uv=False)[0] ** 2 / (len(x) - 1)


def check_whole(universe):
    protein = universe.select_atoms("protein")
    ours = whole("protein", len(protein))
    if len(ours) != len(universe.trajectory):
        complain(f"{len(ours)} frames, MDAnalysis reads {len(universe.trajectory)}")
    bonds = np.array([b for b in protein.bonds.to_indices()])
    longest = max(calc_bonds(f[bonds[:, 0]], f[bonds[:, 1]]).max() for f in ours)
    if not longest < 0.3:
        complain(f"a bond of {longest} nm is left")
    worst, broken = 0.0, 0
    for frame, _ in zip(ours, universe.trajectory):
        raw = protein.positions / 10
        broken += calc_bonds(raw[bonds[:, 0]], raw[bonds[:, 1]]).max() > 1.0
        theirs = protein.unwrap(compound="fragments", reference=None, inplace=False) / 10
        worst = max(worst, np.abs((frame - frame[0]) - (theirs - theirs[0])).max())
    if not worst < 2e-5:
        complain(f"whole positions differ from MDAnalysis' by {worst} nm")
    if broken == 0:
        complain("no frame was broken to begin with: nothing was tested")
    ca = protein.select_atoms("name CA").indices
    lambda1 = 100 * principal_variance(ours[:, ca])
    if not abs(lambda1 - LAMBDA1) < 0.01:
        complain(f"lambda1 is {lambda1}, expected {LAMBDA1} A^2")
    # The tree alone: only alpha carbons selected, the same positions up to the box.
    few = whole("protein and name CA", len(ca))
    apart = np.abs((few - few[:, :1]) - (ours[:, ca] - ours[:, ca[:1]])).max()
    if not apart < 2e-5:
        complain(f"alpha carbons alone differ by {apart} nm")
    print(f"{len(ours)} frames ({broken} broken): longest bond {longest:.4f} nm, "
          f"{worst:.1e} nm from MDAnalysis, lambda1 {lambda1:.3f} A^2")


if not os.path.exists(TPR):
    print(f"skipped: no {TPR}; set AUTOSIM_TEST_DATA")
    sys.exit(77)
universe = MDAnalysis.Universe(TPR, XTC)
check_whole(universe)
sys.exit(1 if failures else 0)
