"""TRR and DCD against MDAnalysis and gmx: what we read, and what they read of ours.

Usage: peer_binary.py PEER_BINARY.  Exit code 77: skipped, the reason is printed.
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
    from MDAnalysis.coordinates.DCD import DCDReader
    from MDAnalysis.lib.formats.libdcd import DCDFile
    from MDAnalysis.lib.formats.libmdaxdr import TRRFile
    from MDAnalysis.lib.mdamath import triclinic_vectors
except ImportError as error:
    print("skipped:", error)
    sys.exit(77)

PROGRAM = os.path.abspath(sys.argv[1])
DATA = os.environ.get("AUTOSIM_TEST_DATA") or os.environ.get(
    "AUTOSIM_TEST_DATA_DEFAULT", "")


def run(*arguments):
    subprocess.run([PROGRAM, *map(str, arguments)], check=True)


def gmx(program, *arguments, folder, text=None):
    done = subprocess.run([program, "-quiet", *map(str, arguments)], cwd=folder,
                          text=True, input=text, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def ours_of(path, n_atoms, folder):
    dump = os.path.join(folder, "dump")
    run("dump", path, dump)
    kind = np.dtype([("x", "<f4", (n_atoms, 3)), ("box", "<f4", (3, 3)),
                     ("time", "<f8"), ("step", "<i8")])
    return np.fromfile(dump, dtype=kind)


def compare_trr(path, folder):
    with TRRFile(path) as file:
        theirs = [frame for frame in file if frame.hasx]
        n_atoms = file.n_atoms
    ours = ours_of(path, n_atoms, folder)
    assert len(ours) == len(theirs) > 0, (path, len(ours), len(theirs))
    for a, b in zip(ours, theirs):
        assert np.array_equal(a["x"].view("u4"), b.x.view("u4")), (path, "x")
        assert np.array_equal(a["box"], b.box), (path, "box")
        assert np.float32(a["time"]) == np.float32(b.time), (path, "time")
        assert a["step"] == b.step, (path, "step")
    return ours


def gmx_check(path, folder, expected):
    program = shutil.which("gmx")
    if not program:
        print("gmx check: skipped, no gmx")
        return
    text = gmx(program, "check", "-f", path, folder=folder)
    counts = {line.split()[0]: int(line.split()[1]) for line in text.splitlines()
              if line.split()[:1] and line.split()[0] in
              ("Coords", "Velocities", "Forces", "Box")}
    assert counts == expected, (counts, expected)


def compare_written(path, folder, n_frames):
    """Frames of `path` written by us as TRR of every kind."""
    written = os.path.join(folder, "written.trr")
    for kind in ("x", "xv", "xvf", "X", "XV", "XVF"):
        run("trr", path, written, kind)
        ours = compare_trr(written, folder)
        with TRRFile(written) as file:
            for a, frame in zip(ours, file):
                has = kind.lower()
                assert frame.hasv == ("v" in has) and frame.hasf == ("f" in has)
                if frame.hasv:
                    assert np.array_equal(frame.v, 2 * a["x"])
                if frame.hasf:
                    assert np.array_equal(frame.f, np.float32(3) * a["x"])
        gmx_check("written.trr", folder,
                  {"Coords": n_frames, "Box": n_frames,
                   "Velocities": n_frames if "v" in has else 0,
                   "Forces": n_frames if "f" in has else 0})
    print(f"{n_frames} frames written as six kinds of TRR: MDAnalysis and gmx check "
          "read them alike")


def simulate(data, folder):
    """TRR files of mdrun in both precisions, with frames without x among others."""
    for name in ("gmx", "gmx_d"):
        program = shutil.which(name)
        if not program:
            print(f"mdrun of {name}: skipped, it is not installed")
            continue
        work = os.path.join(folder, name)
        os.mkdir(work)
        for file in ("c.gro", "topol.top", "md.mdp"):
            shutil.copyfile(os.path.join(data, "tri", file), os.path.join(work, file))
        with open(os.path.join(work, "md.mdp")) as file:
            kept = [line for line in file
                    if line.split("=")[0].strip().replace("-", "_") not in
                    ("nsteps", "nstxout", "nstvout", "nstfout", "nstcalcenergy")]
        with open(os.path.join(work, "md.mdp"), "w") as file:
            file.writelines(kept)
            file.write("\nnsteps = 60\nnstxout = 20\nnstvout = 10\nnstfout = 15\n")
        gmx(program, "grompp", "-f", "md.mdp", "-c", "c.gro", "-p", "topol.top",
            "-maxwarn", 5, folder=work)
        gmx(program, "mdrun", "-ntmpi", 1, "-ntomp", 1, "-pin", "off", folder=work)
        path = os.path.join(work, "traj.trr")
        with TRRFile(path) as file:
            kinds = {(frame.hasx, frame.hasv, frame.hasf) for frame in file}
        assert len(kinds) > 2, kinds
        ours = compare_trr(path, folder)
        assert list(ours["step"]) == [0, 20, 40, 60], ours["step"]
        print(f"mdrun of {name}: {len(ours)} frames with coordinates are the same "
              f"bits, others ({len(kinds)} kinds) passed over")
        gmx(program, "trjconv", "-f", "traj.trr", "-s", "topol.tpr", "-o",
            "converted.trr", folder=work, text="0\n")
        compare_trr(os.path.join(work, "converted.trr"), folder)


def compare_dcd(path, folder, turned=False, delta=None):
    """Ours against the raw file and against the reader on top of it."""
    reader = DCDReader(path, convert_units=False)
    ours = ours_of(path, reader.n_atoms, folder)
    assert len(ours) == reader.n_frames, (path, len(ours), reader.n_frames)
    with DCDFile(path) as file:
        header, raw = file.header, file.readframes().xyz
    delta = delta or header["delta"]
    for i, (a, frame) in enumerate(zip(ours, raw)):
        x_nm = frame.astype("f4") * np.float32(0.1)
        if turned:
            distances = [np.linalg.norm(x[:-1] - x[1:], axis=1)
                         for x in (a["x"].astype("f8"), x_nm.astype("f8"))]
            assert np.allclose(*distances, atol=2e-6), (path, i, "distances")
        else:
            assert np.array_equal(a["x"], x_nm), (path, header, i, "x", a["x"][:4], x_nm[:4])
        step = header["istart"] + i * header["nsavc"]
        assert a["step"] == step, (path, i, "step")
        assert np.isclose(a["time"], step * delta * 0.04888821, rtol=1e-7), (path, header, i, a["time"], "time")
        dimensions = reader[i].dimensions
        box = np.zeros((3, 3)) if dimensions is None else triclinic_vectors(dimensions)
        assert np.allclose(a["box"], box / 10, atol=3e-6), (path, i, a["box"], box)
    return len(ours)


def compare_flavours(folder):
    path = os.path.join(folder, "flavour.dcd")
    known, unknown = [], []
    for kind in ("p", "0", "s", "x", "f", "4", "c", "d", "m", "sc", "sf", "fd", "s4c",
                 "xs", "xf", "cf4", "w", "wd"):
        run("dcd", path, kind)
        try:
            if "4" in kind: # MDAnalysis 2.4 fails on a fourth dimension
                raise IOError
            with DCDFile(path) as file:
                file.readframes()
        except (IOError, IndexError) as error:
            assert "w" in kind or "4" in kind, (kind, error)
            unknown.append(kind)
            continue
        # MDAnalysis 2.4 leaves the time step of the other byte order as it stands.
        delta = 0.02045482949774598 if "s" in kind or "x" in kind else None
        compare_dcd(path, folder, turned="m" in kind, delta=delta)
        known.append(kind)
    print("DCD flavours read as MDAnalysis reads them:", *known)
    print("DCD flavours that MDAnalysis does not read:", *unknown)


def compare_written_by_mdanalysis(data, folder):
    source = MDAnalysis.Universe(os.path.join(data, "cobrotoxin/cobrotoxin.pdb"),
                                 os.path.join(data, "cobrotoxin/cobrotoxin.trr"))
    for name in ("peer.dcd", "peer.trr"):
        path = os.path.join(folder, name)
        with MDAnalysis.Writer(path, source.atoms.n_atoms) as writer:
            for ts in source.trajectory:
                ts.dimensions = [50 + ts.frame, 60, 70, 80, 75, 100]
                writer.write(source.atoms)
        if name.endswith("dcd"):
            assert compare_dcd(path, folder) == 3
        else:
            assert len(compare_trr(path, folder)) == 3
    print("files written by MDAnalysis: the same")


def main():
    with tempfile.TemporaryDirectory() as folder:
        compare_flavours(folder)
        if not os.path.isdir(DATA):
            print(f"files of AUTOSIM_TEST_DATA: skipped, '{DATA}' is absent")
            return
        trr = os.path.join(DATA, "cobrotoxin/cobrotoxin.trr")
        print(f"cobrotoxin.trr: {len(compare_trr(trr, folder))} frames are the same "
              "bits")
        dcd = os.path.join(DATA, "adk/adk_dims.dcd")
        print(f"adk_dims.dcd: {compare_dcd(dcd, folder)} frames are the same")
        compare_written(trr, folder, 3)
        compare_written_by_mdanalysis(DATA, folder)
        simulate(DATA, folder)


main()
