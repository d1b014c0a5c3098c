"""Compares what autosim reads from every TPR of a folder with MDAnalysis, exactly.

usage: tpr_mdanalysis.py TPR_TOOL DEFAULT_FOLDER
AUTOSIM_TEST_DATA, where set, names the folder. Exit 77: nothing to compare with.
"""
import os
import pathlib
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")
try:
    import MDAnalysis
    import numpy as np
    from MDAnalysis.topology.tpr import setting
except ImportError:
    print("skipped: this Python has no MDAnalysis")
    sys.exit(77)


# The parts MDAnalysis reads are the same in 127 to 133; its list of versions ends earlier.
setting.SUPPORTED_VERSIONS += tuple(range(128, 134))


def read_with_autosim(tool, path):
    text = subprocess.run([tool, "dump", path], check=True, capture_output=True).stdout
    atoms, bonds, version = [], set(), None
    for line in text.decode("utf-8", "replace").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "tpr":
            version = int(rest.split("|")[1])
        elif kind == "atom":
            atoms.append(rest.split("|"))
        elif kind == "bond":
            bonds.add(tuple(sorted(map(int, rest.split()))))
    return version, list(zip(*atoms)), bonds


def exact(values):
    return np.array([float.fromhex(v) for v in values], dtype=np.float32)


def compare(tool, path):
    version, columns, bonds = read_with_autosim(tool, path)
    try:
        peer = MDAnalysis.Universe(path, in_memory=False)
    except (NotImplementedError, OSError, ValueError) as error:
        print(f"{path}: version {version}: MDAnalysis cannot read it ({error})")
        return None
    atoms = peer.atoms
    wrong = []

    def same(name, ours, theirs):
        if len(ours) != len(theirs) or not all(a == b for a, b in zip(ours, theirs)):
            wrong.append(name)

    same("names", columns[0], list(atoms.names))
    same("types", columns[1], list(atoms.types))
    same("resnames", columns[2], list(atoms.resnames))
    same("resids", [int(v) for v in columns[3]], list(atoms.resids))
    same("segids", columns[5], list(atoms.segids))
    same("molecules", [int(v) for v in columns[6]], list(atoms.molnums))
    for name, ours, theirs in (("masses", columns[8], atoms.masses),
                               ("charges", columns[9], atoms.charges)):
        if exact(ours).tobytes() != np.asarray(theirs, dtype=np.float32).tobytes():
            wrong.append(name)
    theirs = {tuple(sorted(map(int, pair))) for pair in getattr(
        peer, "_topology").bonds.values}
    if bonds != theirs:
        wrong.append(f"bonds ({len(bonds)} against {len(theirs)})")
    print(f"{path}: version {version}: {len(atoms)} atoms, {len(bonds)} bonds: "
          f"{'differs in ' + ', '.join(wrong) if wrong else 'equal'}")
    return not wrong


def main():
    tool = sys.argv[1]
    folder = pathlib.Path(os.environ.get("AUTOSIM_TEST_DATA") or sys.argv[2])
    paths = sorted(map(str, folder.glob("**/*.tpr")))
    results = [compare(tool, path) for path in paths]
    if not any(result is not None for result in results):
        print(f"skipped: no TPR that MDAnalysis reads below {folder}")
        sys.exit(77)
    sys.exit(any(result is False for result in results))


if __name__ == "__main__":
    main()
