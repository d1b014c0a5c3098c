#!/usr/bin/env python3
"""Principal components against numpy, MDAnalysis and gmx covar on real trajectories.

peer_pca.py PCA_TOOL DATA_FOLDER; exit 77 where data or MDAnalysis are missing.
Molecules are made whole by MDAnalysis here and by autosim there; the plain analysis is
numpy's SVD and eigh, with the mean structure iterated as documented.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy as np
    import MDAnalysis as mda
    from MDAnalysis.analysis import pca as mda_pca
    from MDAnalysis.transformations import unwrap
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)
warnings.filterwarnings("ignore")

failures = []


def check(name, value, limit):
    good = bool(value <= limit)
    print(f"  {'ok  ' if good else 'FAIL'} {name}: {value:.2e} (limit {limit:.0e})")
    if not good:
        failures.append(name)


def kabsch(x, y, weights=1.0):
    """Rows x, turned onto rows y; both centred by the weights."""
    u, _, vt = np.linalg.svd(x.T @ (np.reshape(weights, (-1, 1)) * y))
    d = np.sign(np.linalg.det(u @ vt))
    return x @ (u * [1, 1, d]) @ vt


def plain(frames, tolerance=1e-6, first=False, reference=None, fit=None, masses=None):
    """`fit`: weights of the superposition; `masses`: of the analysis."""
    x = frames.astype(np.float64)
    fit = np.ones(x.shape[1]) if fit is None else fit / np.mean(fit)
    x -= np.average(x, axis=1, weights=fit)[:, None]
    given = first or reference is not None
    reference = x[0] if reference is None else (
        reference - np.average(reference, axis=0, weights=fit))
    while True:
        fitted = np.array([kabsch(f, reference, fit) for f in x])
        mean = fitted.mean(axis=0)
        change = np.sqrt(np.average(((mean - reference) ** 2).sum(axis=1), weights=fit))
        if given or change < tolerance:
            break
        reference = mean
    d = fitted - mean
    if masses is not None:
        d *= np.sqrt(masses / np.mean(masses))[:, None]
    d = d.reshape(len(x), -1)
    values, vectors = np.linalg.eigh(d.T @ d / (len(x) - 1))
    return values[::-1], vectors[:, ::-1].T, mean, d


def run(tool, top, traj, folder, *options, expect=0):
    os.makedirs(folder, exist_ok=True)
    done = subprocess.run([tool, top, traj, folder, *options], capture_output=True,
                          text=True)
    if done.returncode != expect:
        sys.exit(f"pca_tool {options}: exit {done.returncode}\n{done.stderr}")
    if expect:
        return done.stderr
    with open(os.path.join(folder, "pca.json")) as file:
        result = json.load(file)
    result["vectors"] = np.load(os.path.join(folder, "eigenvec.npy"))
    result["projections"] = np.load(os.path.join(folder, "proj.npy"))
    result["time_ps"] = list(np.load(os.path.join(folder, "frames.npy"))[:, 0])
    return result


def compare(result, frames, limit=1e-6, **options):
    values, vectors, mean, d = plain(frames, **options)
    k = result["n_components"]
    found = np.array(result["eigenvalues_nm2"])
    check("eigenvalues / numpy", np.max(np.abs(found - values[:k])) / values[0], limit)
    check("total variance / numpy",
          abs(result["total_variance_nm2"] / values.sum() - 1), limit)
    check("1 - PC1 overlap", 1 - abs(result["vectors"][0] @ vectors[0]), 1e-8)
    check("mean, nm", np.max(np.abs(np.array(result["mean_nm"]) - mean.ravel())), 1e-5)
    expected = d @ result["vectors"].T
    check("projections, nm", np.max(np.abs(result["projections"] - expected)), 1e-5)


def whole_frames(universe, selection):
    protein = universe.select_atoms("protein")
    universe.trajectory.add_transformations(unwrap(protein))
    chosen = universe.select_atoms(selection)
    frames = np.array([chosen.positions.copy() for _ in universe.trajectory]) / 10.0
    times = np.array([ts.time for ts in universe.trajectory])
    return chosen, frames, times


def gmx_covar(work, frames, result):
    """gmx covar on the same whole coordinates, fitted on our reference."""
    n = frames.shape[1]
    empty = mda.Universe.empty(n, n_residues=1, atom_resindex=[0] * n, trajectory=True)
    empty.add_TopologyAttr("names", ["CA"] * n)
    empty.add_TopologyAttr("resnames", ["ALA"])
    empty.add_TopologyAttr("masses", [12.0] * n)
    with mda.Writer(os.path.join(work, "whole.trr"), n) as out:
        for i, frame in enumerate(frames):
            empty.atoms.positions = frame * 10.0
            empty.dimensions = [1000, 1000, 1000, 90, 90, 90]
            empty.trajectory.ts.time = float(i)
            out.write(empty.atoms)
    with open(os.path.join(work, "ref.g96"), "w") as out:
        out.write("TITLE\nreference\nEND\nPOSITION\n")
        for i, x in enumerate(np.array(result["reference_nm"]).reshape(-1, 3)):
            out.write("%5d %-5s %-5s%7d%15.9f%15.9f%15.9f\n"
                      % (1, "ALA", "CA", i + 1, *x))
        out.write("END\nBOX\n%15.9f%15.9f%15.9f\nEND\n" % (100, 100, 100))
    done = subprocess.run(
        ["gmx", "-quiet", "covar", "-s", "ref.g96", "-f", "whole.trr", "-o", "ev.xvg",
         "-v", "ev.trr", "-av", "av.pdb", "-l", "covar.log", "-nopbc"],
        cwd=work, input="0\n0\n", capture_output=True, text=True)
    if done.returncode:
        sys.exit("gmx covar: " + done.stderr[-2000:])
    values = np.loadtxt(os.path.join(work, "ev.xvg"), comments=["#", "@"])[:, 1]
    ev = mda.coordinates.TRR.TRRReader(os.path.join(work, "ev.trr"))
    vectors = np.array([ts.positions.copy().ravel() / 10.0 for ts in ev])[2:]
    count = len(frames)
    found = np.array(result["eigenvalues_nm2"])
    k = min(result["n_components"], len(values))
    check("eigenvalues / gmx covar x N/(N-1)",
          np.max(np.abs(values[:k] * count / (count - 1) - found[:k])) / found[0], 1e-5)
    first = vectors[0] / np.linalg.norm(vectors[0])
    check("1 - PC1 overlap with gmx", 1 - abs(first @ result["vectors"][0]), 1e-5)


def mdanalysis_pca(frames, result):
    """MDAnalysis' PCA on frames superposed on our reference: its covariance."""
    reference = np.array(result["reference_nm"]).reshape(-1, 3)
    fitted = np.array([kabsch(f - f.mean(axis=0), reference)
                       for f in frames.astype(np.float64)])
    n = frames.shape[1]
    universe = mda.Universe.empty(n, n_residues=1, atom_resindex=[0] * n,
                                  trajectory=True)
    universe.add_TopologyAttr("masses", [12.0] * n)
    universe.load_new((fitted * 10.0).astype(np.float32), order="fac")
    analysis = mda_pca.PCA(universe, select="all", align=False).run()
    values = analysis.results.variance / 100.0
    k = min(result["n_components"], len(values))
    found = np.array(result["eigenvalues_nm2"])
    check("eigenvalues / MDAnalysis", np.max(np.abs(values[:k] - found[:k])) / found[0],
          1e-5)
    check("1 - PC1 overlap with MDAnalysis",
          1 - abs(analysis.results.p_components[:, 0] @ result["vectors"][0]), 1e-6)


def system(tool, work, name, top, traj, selection):
    print(f"{name}: {selection}")
    universe = mda.Universe(top, traj)
    chosen, frames, times = whole_frames(universe, selection)
    base = run(tool, top, traj, os.path.join(work, "base"), "sel=" + selection,
               "precision=double")
    check("atoms", float(not np.array_equal(base["atom_indices"], chosen.indices)), 0)
    check("frames", abs(base["n_frames"] - len(frames)), 0)
    compare(base, frames)
    print(f"    lambda1 {base['eigenvalue_nm2'] * 100:.4f} A^2")
    streaming = run(tool, top, traj, os.path.join(work, "stream"), "sel=" + selection,
                    "precision=double", "memory=stream")
    check("streaming / memory", np.max(np.abs(
        np.array(streaming["eigenvalues_nm2"]) / base["eigenvalues_nm2"] - 1)), 1e-12)
    mixed = run(tool, top, traj, os.path.join(work, "mixed"), "sel=" + selection,
                "memory=stream")
    check("streaming in float / memory", np.max(np.abs(
        np.array(mixed["eigenvalues_nm2"]) / base["eigenvalues_nm2"] - 1)), 1e-6)
    first = run(tool, top, traj, os.path.join(work, "first"), "sel=" + selection,
                "reference=first")
    compare(first, frames, first=True)
    if len(frames) >= 8:
        cut = run(tool, top, traj, os.path.join(work, "cut"), "sel=" + selection,
                  f"begin={times[2]}", f"end={times[-2]}", "stride=2")
        check("begin, end, stride", float(cut["time_ps"] != list(times[2:-1:2])), 0)
        compare(cut, frames[2:-1:2])
    mdanalysis_pca(frames, base)
    if shutil.which("gmx"):
        gmx_covar(work, frames, base)
    xvg = np.loadtxt(os.path.join(work, "base", "proj.xvg"), comments=["#", "@"])
    check("proj.xvg", np.max(np.abs(xvg[:, 1:] - base["projections"])), 1e-8)
    check("proj.xvg times", np.max(np.abs(xvg[:, 0] - times)), 1e-6)
    average = mda.Universe(os.path.join(work, "base", "average.pdb"))
    check("average.pdb names", float(list(average.atoms.names) != list(chosen.names)), 0)
    check("average.pdb, A", np.max(np.abs(
        average.atoms.positions.ravel() - 10 * np.array(base["mean_nm"]))), 5.1e-4)
    mode = mda.Universe(os.path.join(work, "base", "mode1.pdb"))
    check("mode1.pdb models", abs(mode.trajectory.n_frames - 20), 0)
    mode.trajectory[19]
    most = 10 * (np.array(base["mean_nm"]) +
                 base["projections"][:, 0].max() * base["vectors"][0])
    check("mode1.pdb last model, A",
          np.max(np.abs(mode.atoms.positions.ravel() - most)), 6e-4)


def weights_and_reference(tool, work, top, traj, selection):
    print(f"weights by mass, reference from a file: {selection}")
    chosen, frames, _ = whole_frames(mda.Universe(top, traj), selection)
    for number, (fit, analysis) in enumerate(((1, 0), (0, 1), (1, 1))):
        weighted = run(tool, top, traj, os.path.join(work, f"mass{number}"),
                       "sel=" + selection, "precision=double",
                       "fit_weights=" + ("mass" if fit else "none"),
                       "pca_weights=" + ("mass" if analysis else "none"))
        compare(weighted, frames, fit=chosen.masses if fit else None,
                masses=chosen.masses if analysis else None)
    placed = os.path.join(work, "placed.gro")
    chosen.positions = frames[-1] * 10.0
    chosen.write(placed)
    on_file = run(tool, top, traj, os.path.join(work, "file"), "sel=" + selection,
                  "precision=double", "reference_file=" + placed)
    compare(on_file, frames, reference=mda.Universe(placed).atoms.positions / 10.0)


def refusals(tool, work, data):
    print("refusals")
    adk = os.path.join(data, "adk")
    text = run(tool, os.path.join(adk, "adk_oplsaa.gro"),
               os.path.join(adk, "adk_oplsaa.xtc"), os.path.join(work, "gro"),
               "sel=protein and name CA", expect=1)
    check("broken molecules without bonds", float("--pbc none" not in text), 0)
    raw = run(tool, os.path.join(adk, "adk_oplsaa.gro"),
              os.path.join(adk, "adk_oplsaa.xtc"), os.path.join(work, "raw"),
              "sel=protein and name CA", "pbc=none")
    broken = mda.Universe(os.path.join(adk, "adk_oplsaa.gro"),
                          os.path.join(adk, "adk_oplsaa.xtc"))
    chosen = broken.select_atoms("protein and name CA")
    compare(raw, np.array([chosen.positions / 10.0 for _ in broken.trajectory]))
    check("lambda1 of raw coordinates is far off", 100.0,
          raw["eigenvalue_nm2"] * 100)
    text = run(tool, os.path.join(adk, "adk_oplsaa.tpr"),
               os.path.join(data, "cobrotoxin", "cobrotoxin.xtc"),
               os.path.join(work, "mismatch"), expect=1)
    check("atom counts differ", float("47681" not in text or "cobrotoxin" not in text),
          0)
    text = run(tool, os.path.join(adk, "adk_oplsaa.tpr"),
               os.path.join(adk, "adk_oplsaa.xtc"), os.path.join(work, "late"),
               "begin=1e9", expect=1)
    check("no frame left", float("at least 2" not in text), 0)


def main():
    tool = os.path.abspath(sys.argv[1])
    data = os.environ.get("AUTOSIM_TEST_DATA") or sys.argv[2]
    if not os.path.isdir(os.path.join(data, "adk")):
        print(f"skipped: no test data in '{data}' (AUTOSIM_TEST_DATA)")
        return 77
    with tempfile.TemporaryDirectory() as work:
        for name, selection in (("adk/adk_oplsaa", "protein and name CA"),
                                ("cobrotoxin/cobrotoxin", "protein and name CA"),
                                ("cobrotoxin/cobrotoxin", "protein and backbone")):
            top = os.path.join(data, name + ".tpr")
            traj = os.path.join(data, name + ".xtc")
            system(tool, work, name, top, traj, selection)
        adk = os.path.join(data, "adk", "adk_oplsaa")
        weights_and_reference(tool, work, adk + ".tpr", adk + ".xtc",
                              "protein and backbone and resid 1:60")
        refusals(tool, work, data)
    print(f"{len(failures)} failed: {failures}" if failures else "all agree")
    return 1 if failures else 0


sys.exit(main())
