#!/usr/bin/env python3
"""Python peers and inputs that need numpy, each in a process of its own:
peer.py NAME ARGUMENTS. Prints one line of JSON: processor and wall seconds of the work
alone, imports not included, and the answer."""
import json
import os
import sys
import time
import warnings

warnings.simplefilter("ignore")

WINDOWS_K, CURVATURE, KELVIN, G = 1500.0, 200.0, 310.0, 9.0
KT = 8.31446261815324e-3 * KELVIN


class Clock:
    def __init__(self):
        self.cpu, self.wall = time.process_time(), time.monotonic()

    def stop(self, answer=None):
        return {"cpu": time.process_time() - self.cpu,
                "wall": time.monotonic() - self.wall, "answer": answer}


def low_level(path):
    """The class in MDAnalysis that reads the file, without a Universe; the first field of
    its frames is the coordinates."""
    from MDAnalysis.lib.formats import libdcd, libmdaxdr
    return {".xtc": libmdaxdr.XTCFile, ".trr": libmdaxdr.TRRFile,
            ".dcd": libdcd.DCDFile}[path[-4:]]


def read_mdanalysis(path):
    kind = low_level(path)
    clock, atoms = Clock(), 0
    with kind(path) as file:
        for frame in file:
            atoms += len(frame[0])
    return clock.stop(atoms)


def same_bits(path, dump):
    """Whether all coordinates are those of a dump of tests/formats/peer_xtc, to the bit,
    or of a DCD, in Angstrom there, to rounding; and their sum in nm."""
    import numpy as np
    with low_level(path)(path) as file:
        theirs = [frame[0].copy() for frame in file]
    ours = np.fromfile(dump, dtype=np.dtype([("x", "<f4", (len(theirs[0]), 3)),
                                             ("rest", "<u4", 12)]))["x"]
    same = len(ours) == len(theirs) and all(
        np.allclose(10 * a, b, 1e-6, 1e-6) if path.endswith(".dcd")
        else np.array_equal(a.view("u4"), b.view("u4")) for a, b in zip(ours, theirs))
    return {"answer": bool(same), "sum": float(ours.sum(dtype=np.float64))}


def read_mdtraj(path, indices=None):
    import mdtraj.formats as formats
    atoms = [int(i) for i in open(indices).read().split()] if indices else None
    kind = {".xtc": formats.XTCTrajectoryFile, ".trr": formats.TRRTrajectoryFile,
            ".dcd": formats.DCDTrajectoryFile}[path[-4:]]
    clock, count = Clock(), 0
    with kind(path) as file:
        while True:  # in parts, as mdtraj.iterload does
            x = file.read(50, atom_indices=atoms)[0]
            if not len(x):
                return clock.stop(count)
            count += x.shape[0] * x.shape[1]


def kabsch_all(x, reference):
    import numpy as np
    u, _, vt = np.linalg.svd(np.einsum("fai,aj->fij", x, reference))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return x @ (u @ vt)


def pca_numpy(path, frames, atoms):
    """Superposition on the iterated mean and PC1-10 with projections, as ours."""
    import numpy as np
    from scipy.linalg import eigh
    raw = np.fromfile(path, np.float32).reshape(int(frames), int(atoms), 3)

    def solve(x, components=10):
        x = x - x.mean(axis=1, keepdims=True)
        reference = x[0]
        while True:
            fitted = kabsch_all(x, reference)
            mean = fitted.mean(axis=0)
            change = np.sqrt(((mean - reference) ** 2).sum(axis=1).mean())
            if change < 1e-6:
                break
            reference = mean
        d = (fitted - mean).reshape(len(x), -1)
        n = d.shape[1]
        values, vectors = eigh(d.T @ d / (len(x) - 1),
                               subset_by_index=[n - components, n - 1])
        return values[::-1], d @ vectors[:, ::-1]
    solve(raw[:50].astype(np.float64))
    clock = Clock()
    values, _ = solve(raw.astype(np.float64))
    return clock.stop(values.tolist())


def pca_mdanalysis(top, traj):
    import MDAnalysis as mda
    from MDAnalysis.analysis import pca
    clock = Clock()
    universe = mda.Universe(top, traj)
    analysis = pca.PCA(universe, select="name CA", align=True).run()
    analysis.transform(universe.select_atoms("name CA"), n_components=10)
    return clock.stop((analysis.results.variance[:10] / 100).tolist())


def pca_mdtraj(top, traj):
    import mdtraj
    import numpy as np
    clock = Clock()
    loaded = mdtraj.load(traj, top=top)
    loaded = loaded.atom_slice(loaded.topology.select("name CA"))
    loaded.superpose(loaded[0])
    d = loaded.xyz.reshape(loaded.n_frames, -1)
    d = d - d.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(d.T))
    d @ vectors[:, ::-1][:, :10]
    return clock.stop(values[::-1][:10].tolist())


def solve_pymbar(folder, count):
    import numpy as np
    from pymbar import MBAR
    data = np.load(os.path.join(folder, "samples.npz"))
    x, centres = data["x"][:, :int(count)], data["centres"]
    clock = Clock()
    u = 0.5 * WINDOWS_K / KT * (x.ravel()[None, :] - centres[:, None]) ** 2
    f = KT * MBAR(u, np.full(len(centres), x.shape[1])).f_k
    return clock.stop((f - f[0]).tolist())


def whole_protein(adk, folder):
    import MDAnalysis as mda
    from MDAnalysis.transformations import unwrap
    universe = mda.Universe(os.path.join(adk, "adk_oplsaa.tpr"),
                            os.path.join(adk, "adk_oplsaa.xtc"))
    protein = universe.select_atoms("protein")
    universe.trajectory.add_transformations(unwrap(protein))
    protein.write(os.path.join(folder, "protein.gro"))
    protein.write(os.path.join(folder, "protein.pdb"))
    with mda.Writer(os.path.join(folder, "short.xtc"), protein.n_atoms) as out:
        for _ in universe.trajectory:
            out.write(protein)
    with open(os.path.join(folder, "ca.ndx"), "w") as out:
        out.write("[ CA ]\n")
        out.writelines(f"{i + 1}\n" for i in universe.select_atoms(
            "protein and name CA").indices)
    return {}


def frames_in_memory(path, frames, atoms):
    import numpy as np
    frames, atoms = int(frames), int(atoms)
    generator = np.random.default_rng(1)
    base = np.cumsum(generator.normal(0, 0.22, (atoms, 3)), axis=0)
    modes = generator.normal(0, 1, (40, atoms * 3)) / np.sqrt(3 * atoms)
    amplitude = 1.2 / (1 + np.arange(40)) ** 0.9
    x = (base.reshape(1, -1) + (generator.normal(0, 1, (frames, 40)) * amplitude) @ modes
         + generator.normal(0, 0.02, (frames, atoms * 3)))
    x.astype(np.float32).tofile(path)
    return {}


def other_files(source, folder):
    """Beads, a mixed system, TRR and DCD, of the frames of an XTC file or at random."""
    import numpy as np
    from MDAnalysis.lib.formats.libdcd import DCDFile
    from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile
    random = np.random.default_rng(1)
    with XTCFile(source) as file:
        water = [(frame.x.copy(), frame.box.copy()) for frame in file]
    count = len(water[0][0])
    # Chains of twelve beads, each 0.47 nm from the last one.
    step = random.normal(size=(10, 3333, 12, 3))
    step *= 0.47 / np.linalg.norm(step, axis=3, keepdims=True)
    start = random.uniform(0, 18, (10, 3333, 1, 3))
    beads = ((np.cumsum(step, axis=2) + start) % 18).reshape(10, -1, 3)
    mixed = [np.concatenate([x[:3341], b[:8000], x[3341:15341], b[8000:16000], x[-8000:]])
             for (x, _), b in zip(water, beads)]
    for name, frames in (("beads", beads), ("mixed", mixed)):
        with XTCFile(os.path.join(folder, name + ".xtc"), "w") as out:
            for k, x in enumerate([*frames] * 5):
                out.write(x.astype(np.float32), 18 * np.eye(3, dtype=np.float32), k,
                          float(k), 1000.0)
    with TRRFile(os.path.join(folder, "water.trr"), "w") as trr, \
            DCDFile(os.path.join(folder, "water.dcd"), "w") as dcd:
        dcd.write_header("bench", count, 0, 1, 1.0, 1)
        for k, (x, box) in enumerate(water * 5):
            trr.write(x, None, None, box, k, float(k), 0.0, count)
            dcd.write(10 * x, np.array([60, 60, 60, 90, 90, 90], float))
    return {"answer": [len(beads[0]), len(mixed[0]), count, count]}


def umbrella_samples(folder, windows, count):
    """Correlated samples (g = 9) as mdrun writes them, and as Grossfield's list."""
    import numpy as np
    windows, count = int(windows), int(count)
    rng = np.random.default_rng(1)
    centres = np.linspace(-0.25, 0.25, windows)
    rho = (G - 1) / (G + 1)
    noise = rng.standard_normal((windows, count))
    for i in range(1, count):
        noise[:, i] = rho * noise[:, i - 1] + (1 - rho * rho) ** 0.5 * noise[:, i]
    x = np.round(centres[:, None] * WINDOWS_K / (WINDOWS_K + CURVATURE)
                 + (KT / (WINDOWS_K + CURVATURE)) ** 0.5 * noise, 6)
    head = ('@    title "Pull COM"\n@    xaxis  label "Time (ps)"\n'
            '@    yaxis  label "Position (nm)"\n@TYPE xy\n')
    with open(os.path.join(folder, "meta"), "w") as meta, \
            open(os.path.join(folder, "pullx.dat"), "w") as names:
        for k in range(windows):
            rows = "".join("%.4f\t%.6f\n" % (0.2 * i, v) for i, v in enumerate(x[k]))
            name = f"w{k:03d}_pullx.xvg"
            with open(os.path.join(folder, name), "w") as out:
                out.write(head + rows)
            names.write(name + "\n")
            meta.write(f"{name} {centres[k]:.6f} {WINDOWS_K}\n")
    np.savez(os.path.join(folder, "samples.npz"), x=x, centres=centres)
    return {"answer": centres.tolist()}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
