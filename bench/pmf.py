#!/usr/bin/env python3
"""The PMF with errors from text input, against gmx wham and pymbar, in one run.

    pmf.py AUTOSIM [ROUNDS [SAMPLES [PYMBAR_SAMPLES]]]

40 windows of a harmonic profile along the pull coordinate of two atoms: run inputs by
gmx grompp, samples (correlated, g = 9) written as mdrun writes them. Programs take turns;
CPU seconds and peak resident memory are those of the processes. pymbar gets its samples
from memory, fewer of them where the machine lacks the memory, and the same number of
ours beside it. Answers are compared before times are printed.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests",
                                "samples"))
import two_atoms  # noqa: E402

WINDOWS, KELVIN, K, CURVATURE, G = 40, 310.0, 1500.0, 200.0, 9.0
KT = 8.31446261815324e-3 * KELVIN

PYMBAR = """
import sys, time, resource
import numpy as np
from pymbar import MBAR
data = np.load(sys.argv[1])
x, centres, kt, k = data["x"], data["centres"], float(data["kt"]), float(data["k"])
n = np.full(len(centres), x.shape[1])
start = time.process_time()
u = 0.5 * k / kt * (x.ravel()[None, :] - centres[:, None]) ** 2
mbar = MBAR(u, n)
print(time.process_time() - start)
print(" ".join(repr(float(v)) for v in kt * (mbar.f_k - mbar.f_k[0])))
"""


def make_samples(cwd, count):
    import numpy as np
    rng = np.random.default_rng(1)
    centres = np.array([-0.25 + 0.5 * k / (WINDOWS - 1) for k in range(WINDOWS)])
    rho = (G - 1) / (G + 1)
    noise = rng.standard_normal((WINDOWS, count))
    for i in range(1, count):
        noise[:, i] = rho * noise[:, i - 1] + (1 - rho * rho) ** 0.5 * noise[:, i]
    x = centres[:, None] * K / (K + CURVATURE) + (KT / (K + CURVATURE)) ** 0.5 * noise
    head = ('@    title "Pull COM"\n@    xaxis  label "Time (ps)"\n'
            '@    yaxis  label "Position (nm)"\n@TYPE xy\n')
    for k in range(WINDOWS):
        with open(os.path.join(cwd, f"w{k:02d}_pullx.xvg"), "w") as out:
            out.write(head)
            out.write("".join("%.4f\t%.6f\n" % (0.2 * i, v) for i, v in enumerate(x[k])))
    return centres, np.round(x, 6)


def timed(command, cwd):
    """CPU seconds, peak MB, output."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=cwd, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        text = output.read()
    if status != 0:
        sys.exit(f"{' '.join(command)} failed:\n{text[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text


def ours(autosim, cwd):
    seconds, megabytes, _ = timed([autosim, "pmf", "--from", "gmx-wham", "tpr.dat",
                                   "pullx.dat", "--bootstrap", "200", "-C", "out", "-q"],
                                  cwd)
    return seconds, megabytes, json.load(open(os.path.join(cwd, "out/pmf/pmf.json")))


def wham(cwd, bins):
    seconds, megabytes, _ = timed(
        ["gmx", "wham", "-it", "tpr.dat", "-ix", "pullx.dat", "-o", "wham.xvg", "-hist",
         "hist.xvg", "-bsres", "bsres.xvg", "-bsprof", "bsprof.xvg", "-temp", str(KELVIN),
         "-unit", "kJ", "-bins", str(bins), "-min", "-0.27", "-max", "0.27", "-ac",
         "-nBootstrap", "200", "-bs-method", "traj"], cwd)
    for name in ("wham.xvg", "hist.xvg", "bsres.xvg", "bsprof.xvg", "iact.xvg"):
        path = os.path.join(cwd, name)
        if os.path.exists(path) and name != "wham.xvg":
            os.remove(path)
    rows = [line.split() for line in open(os.path.join(cwd, "wham.xvg"))
            if line[0] not in "#@"]
    os.remove(os.path.join(cwd, "wham.xvg"))
    return seconds, megabytes, [(float(r[0]), float(r[1])) for r in rows]


def worst_error(points):
    """Largest difference from the exact profile within 0.2 nm, mean taken out."""
    kept = [(f - CURVATURE / 2 * x * x) for x, f in points if abs(x) < 0.2]
    mean = sum(kept) / len(kept)
    return max(abs(v - mean) for v in kept)


def line(name, seconds, megabytes, base):
    print(f"| {name} | {min(seconds):.2f} / {statistics.median(seconds):.2f} / "
          f"{max(seconds):.2f} | {max(megabytes):.0f} | "
          f"{statistics.median(seconds) / statistics.median(base):.0f}x |", flush=True)


def main():
    autosim = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 50000
    pymbar_count = int(sys.argv[4]) if len(sys.argv) > 4 else 10000
    cwd = tempfile.mkdtemp(prefix="autosim-bench-")
    two_atoms.simulate(cwd, WINDOWS, 1000, run=False)
    centres, x = make_samples(cwd, count)
    results = {"ours": ([], []), "wham": ([], [])}
    for _ in range(rounds):
        for name in results:
            if name == "ours":
                seconds, megabytes, pmf = ours(autosim, cwd)
                points = list(zip(pmf["x_nm"], pmf["pmf_kj_mol"]))
            else:
                seconds, megabytes, points = wham(cwd, 120)
            if worst_error(points) > 1:
                sys.exit(f"{name} misses the exact profile by {worst_error(points):.2f}")
            results[name][0].append(seconds)
            results[name][1].append(megabytes)
            print(f"# {name}: {seconds:.2f} s, {megabytes:.0f} MB, largest error "
                  f"{worst_error(points):.2f} kJ/mol", flush=True)
    print(f"{WINDOWS} windows x {count} samples, text input, 200 bootstraps\n")
    print("| program | CPU s (min / median / max) | peak MB | against ours |")
    print("|---|---|---|---|")
    line("autosim pmf --from gmx-wham --bootstrap 200", *results["ours"],
         results["ours"][0])
    line("gmx wham -ac, 200 bootstraps of trajectories", *results["wham"],
         results["ours"][0])
    pymbar_rounds(autosim, cwd, centres, x, pymbar_count, rounds)
    shutil.rmtree(cwd)


def pymbar_rounds(autosim, cwd, centres, x, count, rounds):
    import numpy as np
    script, data = os.path.join(cwd, "solve.py"), os.path.join(cwd, "x.npz")
    open(script, "w").write(PYMBAR)
    np.savez(data, x=x[:, :count], centres=centres, kt=KT, k=K)
    for k in range(WINDOWS):
        name = os.path.join(cwd, f"w{k:02d}_pullx.xvg")
        lines = open(name).read().splitlines(keepends=True)[:count + 4]
        open(name, "w").write("".join(lines))
    mine, theirs = ([], []), ([], [])
    for _ in range(rounds):
        seconds, megabytes, pmf = ours(autosim, cwd)
        mine[0].append(seconds)
        mine[1].append(megabytes)
        _, megabytes, text = timed([sys.executable, script, data], cwd)
        solve, f = [entry for entry in text.splitlines() if entry[:1] in "-0123456789"][-2:]
        difference = max(abs(float(a) - b)
                         for a, b in zip(f.split(), pmf["f_k_kj_mol"]))
        # Ours leaves out what drifts in the beginning; here nothing does.
        if difference > 1e-3:
            sys.exit(f"f_k differ by {difference:g} kJ/mol")
        theirs[0].append(float(solve))
        theirs[1].append(megabytes)
    print(f"\n{WINDOWS} windows x {count} samples; pymbar solves from memory, without "
          "errors\n")
    print("| program | CPU s (min / median / max) | peak MB | against ours |")
    print("|---|---|---|---|")
    line("autosim, text input, errors, 200 bootstraps", *mine, mine[0])
    line("pymbar 3.1 MBAR, solve alone", *theirs, mine[0])


if __name__ == "__main__":
    main()
