#!/usr/bin/env python3
"""Reading XTC against MDAnalysis: reading.py BENCH_XTC PEER_XTC FILE...

First the answers are compared, bit for bit. Then every round runs MDAnalysis and each of
our paths once, one after the other, on a copy of the file long enough to be measured;
times are processor seconds (user and system) of whole reads, the file being in memory.
Prints a table in Markdown: million atoms/s as minimum, median and maximum over the
rounds, and the ratio to MDAnalysis of the same round.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

warnings.simplefilter("ignore")
import numpy as np
from MDAnalysis.lib.formats.libmdaxdr import XTCFile

ROUNDS = 9
WANTED_BYTES = 24e6
PATHS = ["scalar", "avx2", "avx512"]


def check(peer, path, folder):
    """The number of atoms, after every coordinate was compared."""
    dump = os.path.join(folder, "dump")
    subprocess.run([peer, "dump", path, dump], check=True)
    with XTCFile(path) as file:
        theirs = [frame.x.copy() for frame in file]
    n_atoms = len(theirs[0])
    ours = np.fromfile(dump, dtype=np.dtype([("x", "<u4", (n_atoms, 3)),
                                             ("rest", "<u4", 12)]))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert np.array_equal(a["x"], b.view("u4")), "coordinates differ"
    return n_atoms, len(theirs)


def mdanalysis_seconds(path):
    start = time.process_time()
    with XTCFile(path) as file:
        for _ in file:
            pass
    return time.process_time() - start


def our_seconds(bench, path):
    """Processor seconds of one read by each path that the machine has."""
    result = subprocess.run([bench, path, "0", "1"], check=True, text=True,
                            capture_output=True)
    rows = [line.split() for line in result.stdout.splitlines()]
    return {row[0]: float(row[1]) for row in rows if row[0] in PATHS}


def spread(values, form):
    return " / ".join(format(v, form) for v in
                      (min(values), statistics.median(values), max(values)))


def measure(bench, peer, path):
    with tempfile.TemporaryDirectory() as folder:
        n_atoms, n_frames = check(peer, path, folder)
        data = open(path, "rb").read()
        copies = max(1, round(WANTED_BYTES / len(data)))
        long = os.path.join(folder, "long.xtc")
        with open(long, "wb") as file:
            for _ in range(copies):
                file.write(data)
        atoms = 1e-6 * n_atoms * n_frames * copies
        mdanalysis_seconds(long)
        rates, ratios = {"MDAnalysis": []}, {}
        for _ in range(ROUNDS):
            theirs = mdanalysis_seconds(long)
            rates["MDAnalysis"].append(atoms / theirs)
            for name, seconds in our_seconds(bench, long).items():
                rates.setdefault(name, []).append(atoms / seconds)
                ratios.setdefault(name, []).append(theirs / seconds)
    print(f"\n{os.path.basename(path)}: {n_frames} frames of {n_atoms} atoms, "
          f"{copies} times; minimum / median / maximum of {ROUNDS} rounds\n")
    print("| reader | million atoms/s | times MDAnalysis |")
    print("|---|---|---|")
    for name, values in rates.items():
        ratio = spread(ratios[name], ".1f") if name in ratios else ""
        print(f"| {name} | {spread(values, '.0f')} | {ratio} |")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    for path in sys.argv[3:]:
        measure(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), path)


main()
