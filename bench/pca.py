#!/usr/bin/env python3
"""PCA against numpy, MDAnalysis, mdtraj and gmx: pca.py BENCH_PCA MAKE_XTC PCA_TOOL ADK.

Builds its inputs from ADK/adk_oplsaa.* (seeded), checks that the answers agree, then
lets ours and every peer that is installed run one after the other in each round. Times
are processor seconds (user and system) on one thread, the files being in memory: of a
whole process for ours and gmx (once without and once with the writing and syncing of
nine files), without imports for the Python peers. Prints Markdown: minimum, median and
maximum over the rounds, ratios within a round.
"""
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("ROUNDS", "5"))
ONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
       "GMX_MAXBACKUP": "-1"}


def kabsch_all(x, reference):
    """All frames on the reference at once; everything centred."""
    import numpy as np
    u, _, vt = np.linalg.svd(np.einsum("fai,aj->fij", x, reference))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return x @ (u @ vt)


def numpy_pca(x, components=10, tolerance=1e-6):
    """Superposition on the iterated mean and the largest components, as ours does."""
    import numpy as np
    from scipy.linalg import eigh
    x = x - x.mean(axis=1, keepdims=True)
    reference = x[0]
    while True:
        fitted = kabsch_all(x, reference)
        mean = fitted.mean(axis=0)
        change = np.sqrt(((mean - reference) ** 2).sum(axis=1).mean())
        if change < tolerance:
            break
        reference = mean
    d = (fitted - mean).reshape(len(x), -1)
    n = d.shape[1]
    values, vectors = eigh(d.T @ d / (len(x) - 1),
                           subset_by_index=[n - components, n - 1])
    return values[::-1], d @ vectors[:, ::-1]


def peer_numpy(path, frames, atoms):
    import numpy as np
    x = np.fromfile(path, np.float32).reshape(int(frames), int(atoms), 3)
    numpy_pca(x[:50].astype(np.float64))
    start = time.process_time()
    values, _ = numpy_pca(x.astype(np.float64))
    return time.process_time() - start, values


def peer_mdanalysis(top, traj):
    """PCA(align=True): on the first frame; then projections."""
    import warnings
    warnings.simplefilter("ignore")
    import MDAnalysis as mda
    from MDAnalysis.analysis import pca
    start = time.process_time()
    universe = mda.Universe(top, traj)
    analysis = pca.PCA(universe, select="name CA", align=True).run()
    analysis.transform(universe.select_atoms("name CA"), n_components=10)
    return time.process_time() - start, analysis.results.variance[:10] / 100


def peer_mdtraj(top, traj):
    import mdtraj
    import numpy as np
    start = time.process_time()
    loaded = mdtraj.load(traj, top=top)
    loaded = loaded.atom_slice(loaded.topology.select("name CA"))
    loaded.superpose(loaded[0])
    d = loaded.xyz.reshape(loaded.n_frames, -1)
    d = d - d.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(d.T))
    d @ vectors[:, ::-1][:, :10]
    return time.process_time() - start, values[::-1][:10]


def measure(command, stdin="", cwd=None):
    """Runs a program in a child of its own, so that its usage is its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True,
                              cwd=cwd, env={**os.environ, **ONE})
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        with os.fdopen(write, "w") as out:
            json.dump([done.returncode, usage.ru_utime + usage.ru_stime,
                       usage.ru_maxrss / 1024, done.stdout, done.stderr[-2000:]], out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as back:
        code, seconds, megabytes, text, errors = json.load(back)
    os.waitpid(child, 0)
    if code:
        sys.exit(f"{command}: exit {code}\n{errors}")
    return seconds, megabytes, text


def python_peer(name, *arguments):
    _, megabytes, text = measure([sys.executable, __file__, "--peer", name, *arguments])
    result = json.loads(text)
    return result["seconds"], megabytes, result["eigenvalues"]


def ours(tool, folder, top, traj, *options, files=True):
    """The whole process, or what comes before the nine files are written and synced."""
    seconds, megabytes, text = measure([tool, top, traj, folder,
                                        "sel=protein and name CA", "threads=1",
                                        *options])
    if not files:
        seconds = float(text.split()[1])
    with open(os.path.join(folder, "pca.json")) as file:
        return seconds, megabytes, json.load(file)["eigenvalues_nm2"]


def gmx(folder, top, traj, group):
    """covar and anaeig; eigenvalues from 1/N to 1/(N-1) by the number of frames."""
    common = ["-s", top, "-f", traj, "-n", "ca.ndx"]
    a = measure(["gmx", "-quiet", "covar", *common, "-xvg", "none", "-last", "10"],
                group * 2, folder)
    b = measure(["gmx", "-quiet", "anaeig", *common, "-v", "eigenvec.trr", "-proj",
                 "proj.xvg", "-first", "1", "-last", "10", "-xvg", "none"],
                group * 2, folder)
    with open(os.path.join(folder, "eigenval.xvg")) as file:
        values = [float(line.split()[1]) for line in file][:10]
    return a[0] + b[0], max(a[1], b[1]), values


def agree(name, ours_, theirs, limit):
    worst = max(abs(a - b) for a, b in zip(ours_, theirs)) / ours_[0]
    print(f"{name}: eigenvalues within {worst:.1e} of the largest")
    if worst > limit:
        sys.exit(f"{name}: answers differ")


def apart(function, *arguments):
    """In a child, so that this process stays small: a program's peak memory begins with
    that of the process that starts it."""
    child = os.fork()
    if child == 0:
        function(*arguments)
        sys.stdout.flush()
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"{function.__name__} failed")


def spread(values, form):
    return " / ".join(format(v, form) for v in
                      (min(values), statistics.median(values), max(values)))


def table(title, rounds, memory):
    print(f"\n{title}; minimum / median / maximum of {ROUNDS} rounds\n")
    print("| program | ms | times ours | peak MB |\n|---|---|---|---|")
    for name, times in rounds.items():
        ratio = "" if name == "autosim" else spread(
            [a / b for a, b in zip(times, rounds["autosim"])], ".1f")
        print(f"| {name} | {spread([1e3 * t for t in times], '.1f')} | {ratio} "
              f"| {memory[name]:.0f} |")
    sys.stdout.flush()


def compete(title, contestants):
    rounds, memory, values = {}, {}, {}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            seconds, megabytes, values[name] = contestant()
            rounds.setdefault(name, []).append(seconds)
            memory[name] = max(memory.get(name, 0), megabytes)
    table(title, rounds, memory)
    return values


def synthetic_frames(path, frames, atoms):
    import numpy as np
    generator = np.random.default_rng(1)
    base = np.cumsum(generator.normal(0, 0.22, (atoms, 3)), axis=0)
    modes = generator.normal(0, 1, (40, atoms * 3)) / np.sqrt(3 * atoms)
    amplitude = 1.2 / (1 + np.arange(40)) ** 0.9
    x = (base.reshape(1, -1) + (generator.normal(0, 1, (frames, 40)) * amplitude) @ modes
         + generator.normal(0, 0.02, (frames, atoms * 3)))
    x.astype(np.float32).tofile(path)


def in_memory(bench, folder, frames, atoms):
    """The program times itself, the best of 9; so does numpy in its process."""
    path = os.path.join(folder, "frames.f32")
    apart(synthetic_frames, path, frames, atoms)

    def one(rmsip):
        _, megabytes, text = measure([bench, str(frames), str(atoms), path, "9", "1",
                                      rmsip])
        lines = text.splitlines()
        times = [float(line) for line in lines if line[0].isdigit()]
        return (1e-3 * min(times), megabytes,
                [float(line.split()[1]) for line in lines if not line[0].isdigit()])

    values = compete(f"In memory: {frames} frames of {atoms} atoms, superposition on the "
                     "mean, PC1-10, projections (ours with residuals and cosine content "
                     "too; best of 9 a round)",
                     {"autosim": lambda: one("0"),
                      "autosim, RMSIP of halves too": lambda: one("1"),
                      "numpy": lambda: python_peer("numpy", path, str(frames),
                                                   str(atoms))})
    agree("numpy", values["autosim"], values["numpy"], 1e-6)


def whole_protein(adk, folder):
    """The protein of the ten frames made whole, as GRO and XTC of 3341 atoms."""
    import warnings
    warnings.simplefilter("ignore")
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


def protein_only(make_xtc, tool, folder):
    traj = os.path.join(folder, "protein.xtc")
    measure([make_xtc, os.path.join(folder, "short.xtc"), traj, "1000", "0", "1"])
    gro, pdb = (os.path.join(folder, "protein." + e) for e in ("gro", "pdb"))
    contestants = {
        "autosim": lambda: ours(tool, folder, gro, traj, "reference=first", files=False),
        "autosim, files written": lambda: ours(tool, folder, gro, traj,
                                               "reference=first"),
        "MDAnalysis": lambda: python_peer("mdanalysis", gro, traj),
        "mdtraj + numpy": lambda: python_peer("mdtraj", pdb, traj)}
    if shutil.which("gmx"):
        contestants["gmx covar + anaeig"] = lambda: gmx(folder, gro, traj, "0\n")
    try:
        import mdtraj  # noqa: F401
    except ImportError:
        del contestants["mdtraj + numpy"]
    values = compete("1000 frames of 3341 atoms from XTC: PC1-10 of 214 CA and "
                     "projections, all written", contestants)
    for name, found in values.items():
        if name.startswith("gmx"):
            found = [v * 1000 / 999 for v in found]
        agree(name, values["autosim"], found, 1e-4)


def in_water(make_xtc, tool, adk, folder):
    traj = os.path.join(folder, "water.xtc")
    measure([make_xtc, os.path.join(adk, "adk_oplsaa.xtc"), traj, "300", "0", "2"])
    tpr = os.path.join(adk, "adk_oplsaa.tpr")
    contestants = {
        "autosim": lambda: ours(tool, folder, tpr, traj, "reference=first", files=False),
        "autosim, files written": lambda: ours(tool, folder, tpr, traj,
                                               "reference=first")}
    if shutil.which("gmx"):
        contestants["gmx covar + anaeig"] = lambda: gmx(folder, tpr, traj, "0\n")
    values = compete("300 frames of 47,681 atoms from XTC, protein broken across the "
                     "box: made whole, PC1-10 of 214 CA and projections, all written",
                     contestants)
    for name, found in values.items():
        if name.startswith("gmx"):
            agree(name, values["autosim"], [v * 300 / 299 for v in found], 1e-4)


def main():
    if sys.argv[1:2] == ["--peer"]:
        peer = {"numpy": peer_numpy, "mdanalysis": peer_mdanalysis,
                "mdtraj": peer_mdtraj}[sys.argv[2]]
        seconds, values = peer(*sys.argv[3:])
        print(json.dumps({"seconds": seconds, "eigenvalues": list(map(float, values))}))
        return
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    bench, make_xtc, tool, adk = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        in_memory(bench, folder, 1000, 200)
        in_memory(bench, folder, 10000, 214)
        apart(whole_protein, adk, folder)
        protein_only(make_xtc, tool, folder)
        in_water(make_xtc, tool, adk, folder)


main()
