"""Trajectories against MDAnalysis and gmx: what we read, and what they read of ours.

Usage: peer_trajectory.py PEER_XTC.  Exit code 77: skipped, the reason is printed.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
try:
    import numpy as np
    import MDAnalysis
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile
except ImportError as error:
    print("skipped:", error)
    sys.exit(77)

PROGRAM = os.path.abspath(sys.argv[1])
DATA = os.environ.get("AUTOSIM_TEST_DATA") or os.environ.get(
    "AUTOSIM_TEST_DATA_DEFAULT", "")


PATHS = ["scalar", "avx2", "avx512"]


def run(*arguments, path=None):
    env = dict(os.environ, **({"AUTOSIM_SIMD": path} if path else {}))
    subprocess.run([PROGRAM, *map(str, arguments)], check=True, env=env)


def paths_of_this_machine():
    """The decoders that can be forced here; what is refused is named."""
    paths = []
    for path in PATHS:
        try:
            with tempfile.TemporaryDirectory() as folder:
                xtc = os.path.join(folder, "x.xtc")
                run("random", 1, xtc, 1995)
                run("dump", xtc, os.path.join(folder, "dump"), path=path)
            paths.append(path)
        except subprocess.CalledProcessError:
            print(f"path {path}: skipped, this machine has it not")
    return paths


def frames_of(path, n_atoms):
    kind = np.dtype([("x", "<f4", (n_atoms, 3)), ("box", "<f4", (3, 3)),
                     ("time", "<f4"), ("step", "<i4"), ("prec", "<f4")])
    return np.fromfile(path, dtype=kind)


def same(ours, theirs, what):
    assert len(ours) == len(theirs), (what, len(ours), len(theirs))
    for i, (a, b) in enumerate(zip(ours, theirs)):
        assert np.array_equal(a["x"].view("u4"), b.x.view("u4")), (what, i, "x")
        assert np.array_equal(a["box"], b.box), (what, i, "box")
        assert a["time"] == np.float32(b.time) and a["step"] == b.step, (what, i)
        if b.prec > 0:
            assert a["prec"] == np.float32(b.prec), (what, i, "precision")


def theirs_of(path):
    with XTCFile(path) as file:
        return [frame for frame in file]


def compare_xtc(path, folder):
    theirs = theirs_of(path)
    dump = os.path.join(folder, "dump")
    for simd in paths_of_this_machine():
        run("dump", path, dump, path=simd)
        same(frames_of(dump, theirs[0].x.shape[0]), theirs, (path, simd))
        for threads in 1, 2:
            run("blocks", path, dump, threads, path=simd)
            same(frames_of(dump, theirs[0].x.shape[0]), theirs, (path, simd, threads))
        print(f"{os.path.basename(path)}, {simd}, 1 and 2 threads: {len(theirs)} frames "
              "are the same bits")
    # Written again: the same bytes as GROMACS wrote, and the same numbers under 2023.
    again = os.path.join(folder, "again.xtc")
    run("encode", path, again, 1995)
    assert open(again, "rb").read() == open(path, "rb").read(), path
    run("encode", path, again, 2023)
    run("dump", again, dump)
    same(frames_of(dump, theirs[0].x.shape[0]), theirs, "2023")


def compare_gro(path, folder):
    universe = MDAnalysis.Universe(path)
    atoms = universe.atoms
    dump = os.path.join(folder, "dump")
    run("dump", path, dump)
    ours = frames_of(dump, len(atoms))
    assert len(ours) == 1
    theirs = MDAnalysis.coordinates.GRO.GROReader(path, convert_units=False)
    assert np.array_equal(ours[0]["x"], theirs.ts.positions), "GRO coordinates"
    box = MDAnalysis.lib.mdamath.triclinic_vectors(universe.dimensions) / 10
    assert np.allclose(ours[0]["box"], box, atol=2e-4), (ours[0]["box"], box)
    run("names", path, dump)
    expected = [f"{a} {b} {c}" for a, b, c in
                zip(atoms.resids, atoms.resnames, atoms.names)]
    assert open(dump).read().splitlines() == expected, "GRO names"
    print(f"{os.path.basename(path)}: {len(atoms)} atoms have the same coordinates and "
          "names")


def compare_random(folder, count):
    path = os.path.join(folder, "random.xtc")
    dump = os.path.join(folder, "dump")
    peer = os.path.join(folder, "peer.xtc")
    for seed in range(count):
        run("random", seed, path, 1995)
        theirs = theirs_of(path)
        run("dump", path, dump)
        n_atoms = theirs[0].x.shape[0]
        same(frames_of(dump, n_atoms), theirs, seed)
        raw = frames_of(path + ".raw", n_atoms)[0]
        with XTCFile(peer, "w") as file:
            file.write(raw["x"], raw["box"], int(raw["step"]), float(raw["time"]),
                       float(raw["prec"]))
        last = open(path, "rb").read()[-os.path.getsize(peer):]
        assert last == open(peer, "rb").read(), ("bytes differ from libxdrfile", seed)
    print(f"{count} random files: read alike, and the same bytes as libxdrfile writes")


def gmx_check(path, folder, n_frames):
    gmx = shutil.which("gmx")
    if not gmx:
        print("gmx check: skipped, no gmx")
        return
    result = subprocess.run([gmx, "check", "-f", path], cwd=folder, text=True,
                            stdin=subprocess.DEVNULL, capture_output=True)
    assert result.returncode == 0, result.stderr
    step_lines = [line for line in result.stderr.splitlines()
                  if line.startswith("Coords")]
    assert step_lines and int(step_lines[0].split()[1]) == n_frames, result.stderr
    print(f"gmx check reads {n_frames} frames of ours")


def main():
    with tempfile.TemporaryDirectory() as folder:
        compare_random(folder, 150)
        run("random", 5, os.path.join(folder, "check.xtc"), 1995)
        gmx_check("check.xtc", folder, 3)
        if not os.path.isdir(DATA):
            print(f"files of AUTOSIM_TEST_DATA: skipped, '{DATA}' is absent")
            return
        compare_xtc(os.path.join(DATA, "adk/adk_oplsaa.xtc"), folder)
        compare_xtc(os.path.join(DATA, "cobrotoxin/cobrotoxin.xtc"), folder)
        compare_gro(os.path.join(DATA, "adk/adk_oplsaa.gro"), folder)
        compare_gro(os.path.join(DATA, "tri/c.gro"), folder)


main()
