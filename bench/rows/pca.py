"""From coordinates to principal components."""
import json
import os
import shutil

import measure
from measure import Contest, agree, grow, target


def ours(book, top, traj, name, files):
    """The whole process, or what comes before its files are written and synced."""
    folder = os.path.join(book.folder, name)
    os.makedirs(folder, exist_ok=True)

    def call():
        done = measure.run([book.program("tests/pca/pca_tool"), top, traj, folder,
                            "sel=protein and name CA", "threads=1", "reference=first"])
        with open(os.path.join(folder, "pca.json")) as file:
            sample = done.sample(json.load(file)["eigenvalues_nm2"])
        if not files:
            sample.cpu = float(done.out.split()[1])
        return sample
    return call


def gmx(folder, top, traj, frames):
    """covar and anaeig; gmx divides by N, not N - 1."""
    def call():
        common = ["-s", top, "-f", traj, "-n", "ca.ndx"]
        steps = [measure.run(["gmx", "-quiet", "covar", *common, "-xvg", "none", "-last",
                              "10"], "0\n0\n", folder),
                 measure.run(["gmx", "-quiet", "anaeig", *common, "-v", "eigenvec.trr",
                              "-proj", "proj.xvg", "-first", "1", "-last", "10", "-xvg",
                              "none"], "0\n0\n", folder)]
        with open(os.path.join(folder, "eigenval.xvg")) as file:
            values = [float(line.split()[1]) * frames / (frames - 1) for line in file][:10]
        return measure.Sample(sum(s.cpu for s in steps), sum(s.wall for s in steps),
                              max(s.peak_mb for s in steps), values)
    return call


def cpptraj(book, folder, top, traj, frames):
    """In one pass over the file, which keeps the CA atoms for the projections. Its
    lengths are in Angstrom, its covariances are divided by N."""
    out = os.path.join(book.folder, "out-cpptraj")
    os.makedirs(out, exist_ok=True)
    values = os.path.join(out, "vectors.dat")
    script = f"""parm {top}
trajin {traj}
strip !@CA
rms first
createcrd kept
matrix covar name covariance
run
runanalysis diagmatrix covariance out {values} vecs 10 name vectors
crdaction kept projection evecs vectors out projections.dat beg 1 end 10
"""

    def call():
        if os.path.exists(values):
            os.remove(values)
        done = measure.run([book.aside["cpptraj"]], script, out)
        found = []
        with open(values) as file:
            # "****" stands before each vector, and is followed by its number and value.
            lines = file.read().split("****\n")[1:]
        for text in lines:
            found.append(float(text.split()[1]) * 0.01 * frames / (frames - 1))
        return done.sample(found)
    return call


def check(limit=1e-4):
    def compare(answers):
        mine = next(v for name, v in answers.items() if name.startswith("autosim"))
        return "eigenvalues: " + ", ".join(agree(name, mine, values, limit)
                                           for name, values in answers.items()
                                           if not name.startswith("autosim"))
    return compare


def protein(book):
    folder, absent = book.inputs.protein(), []
    traj = book.inputs.longer(os.path.join(folder, "short.xtc"), 1000, 0, 1)
    gro, pdb = (os.path.join(folder, "protein." + end) for end in ("gro", "pdb"))
    contestants = {"autosim": ours(book, gro, traj, "out-protein", False),
                   "autosim, files written": ours(book, gro, traj, "out-protein", True)}
    wanted = {"MDAnalysis": 30, "gmx covar + anaeig": 12, "mdtraj + numpy": 8, "cpptraj": 6}
    for name, module, function, top in (
            ("MDAnalysis", "MDAnalysis", "pca_mdanalysis", gro),
            ("mdtraj + numpy", "mdtraj", "pca_mdtraj", pdb)):
        if book.has_module(module):
            contestants[name] = book.python(function, top, traj)
        else:
            absent.append(name)
    if shutil.which("gmx"):
        contestants["gmx covar + anaeig"] = gmx(folder, gro, traj, 1000)
    else:
        absent.append("gmx")
    if "cpptraj" in book.aside:
        contestants["cpptraj"] = cpptraj(book, folder, pdb, traj, 1000)
    else:
        absent.append("cpptraj (built aside: --cpptraj PROGRAM)")
    result = Contest("1000 frames of 3341 atoms from XTC: PC1-10 of 214 CA, projections",
                     contestants, book.pairs).compete(check())
    return {"contests": [result], "absent": absent, "notes": [
        "Imports of Python peers are not counted. Ours is measured without and with the "
        "writing and syncing of its files; targets are of the former."],
        "targets": [target(f"XTC to PC1-10, 1000 x 3341 atoms, against {peer}",
                           result["ratios"]["autosim"][peer], least)
                    for peer, least in wanted.items() if peer in contestants]}


def water(book):
    tpr = book.inputs.adk("adk_oplsaa.tpr")
    traj = book.inputs.longer(book.inputs.adk("adk_oplsaa.xtc"), 300, 0, 2)
    contestants = {"autosim": ours(book, tpr, traj, "out-water", False),
                   "autosim, files written": ours(book, tpr, traj, "out-water", True)}
    if not shutil.which("gmx"):
        return {"contests": [], "targets": [], "absent": ["gmx"]}
    contestants["gmx covar + anaeig"] = gmx(book.inputs.protein(), tpr, traj, 300)
    result = Contest("300 frames of 47,681 atoms, protein broken across the box: made "
                     "whole, PC1-10 of 214 CA, projections", contestants,
                     book.pairs).compete(check())
    return {"contests": [result], "absent": [], "targets": [
        target("300 x 47,681 atoms, CA, made whole, against gmx covar + anaeig",
               result["ratios"]["autosim"]["gmx covar + anaeig"], 100)]}


def stream(book):
    """Frame by frame through the file, never all in memory."""
    folder = book.inputs.protein()
    gro, out = os.path.join(folder, "protein.gro"), os.path.join(book.folder, "out-stream")
    os.makedirs(out, exist_ok=True)

    def make(count):
        traj = book.inputs.longer(os.path.join(folder, "short.xtc"), count, 0, 3)

        def call():
            return measure.run([book.program("tests/pca/pca_tool"), gro, traj, out,
                                "sel=protein and name CA", "threads=1",
                                "memory=stream"]).sample()
        return call
    points = [200, 500, 2000] if book.quick else [400, 1000, 2000, 4000]
    grown = grow(book, "streaming PCA of 214 CA of 3341 atoms, XTC to files written",
                 "frames", points, make)
    return {"contests": [], "absent": [], "growth": [grown], "notes": [
        "What grows is the answer: ten projections, a residual and a time of every frame."],
        "targets": [
            target("streaming PCA, peak memory with 10 times the frames",
                   grown["peak_mb"][-1] / grown["peak_mb"][0], 1.1, "<=")]}


def bench_pca(book, path, frames, atoms, threads=1, rounds=9, rmsip=0, reference="mean"):
    """The best of a few in one process, as numbers of processor seconds."""
    def call():
        done = measure.run([book.program("bench/bench_pca"), frames, atoms, path, rounds,
                            threads, rmsip, reference], cores=threads)
        lines = done.out.splitlines()
        best = 1e-3 * min(float(line) for line in lines if line[0].isdigit())
        return measure.Sample(best, best, done.peak_mb,
                              [float(line.split()[1]) for line in lines
                               if not line[0].isdigit()])
    return call


def in_memory(book):
    contests, absent = [], []
    for frames, atoms in ((1000, 200), (10000, 214))[:1 if book.quick else 2]:
        path = book.inputs.frames_in_memory(frames, atoms)
        contestants = {"autosim": bench_pca(book, path, frames, atoms),
                       "autosim, superposed once": bench_pca(book, path, frames, atoms,
                                                             reference="first"),
                       "autosim, RMSIP of halves too": bench_pca(book, path, frames, atoms,
                                                                 rmsip=1)}
        if book.has_module("scipy"):
            contestants["numpy"] = book.python("pca_numpy", path, frames, atoms)
        else:
            absent.append("numpy")
        contests.append(Contest(
            f"{frames} frames of {atoms} atoms in memory: superposition on the mean, PC1-10 "
            "projections (ours with residuals and cosine content; best of 9 a round)",
            contestants, book.pairs).compete(check(1e-6)))
    mean, first = ([1e3 * s for s in entry["cpu_s"]]
                   for entry in contests[0]["entries"][:2])
    return {"contests": contests, "absent": absent, "notes": [
        "Superposed once: on the first frame. On the mean it takes three superpositions."],
        "targets": [
            target("1000 frames x 200 CA in memory", mean, 5, "<=", "ms"),
            target("the same, superposed once", first, 5, "<=", "ms")]}


ROWS = [("pca", "XTC to PC1-10 and projections, 1000 x 3341 atoms", protein),
        ("pca-water", "300 x 47,681 atoms, CA, made whole", water),
        ("pca-stream", "Streaming PCA: memory flat in frames", stream),
        ("pca-memory", "PCA of frames in memory", in_memory)]
