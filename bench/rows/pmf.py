"""The PMF with errors, text input."""
import json
import os
import shutil
import sys

import measure
from measure import Contest, agree, target

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                                "tests", "samples"))
import two_atoms  # noqa: E402

WINDOWS, KELVIN, CURVATURE, BOOTSTRAPS = 40, 310.0, 200.0, 200
WHAM = "gmx wham -ac, bootstraps of trajectories"
LIMIT = 240  # seconds of processor time; then a peer is stopped, ratios are lower bounds


def estimate(book, folder, source, name="out"):
    """autosim pmf with 200 bootstraps; exit code 6 is a verdict, not a failure."""
    def call():
        done = measure.run([book.program("cli/autosim"), "pmf", "--from", *source,
                            "--bootstrap", str(BOOTSTRAPS), "-C", name, "-q"], cwd=folder,
                           codes=(0, 6))
        with open(os.path.join(folder, name, "pmf", "pmf.json")) as file:
            return done.sample(json.load(file))
    return call


def wham(folder):
    def call():
        path = os.path.join(folder, "wham.xvg")
        done = measure.run(
            ["gmx", "-quiet", "wham", "-it", "tpr.dat", "-ix", "pullx.dat", "-o", path,
             "-temp", KELVIN, "-unit", "kJ", "-bins", "120", "-min", "-0.27", "-max",
             "0.27", "-ac", "-nBootstrap", BOOTSTRAPS, "-bs-method", "traj"], cwd=folder,
            limit=LIMIT)
        if done.stopped:
            return done.sample()
        rows = [line.split() for line in open(path) if line[0] not in "#@"]
        return done.sample({"x_nm": [float(r[0]) for r in rows],
                            "pmf_kj_mol": [float(r[1]) for r in rows]})
    return call


def worst_error(profile):
    """Largest difference from the exact profile within 0.2 nm, mean taken out."""
    kept = [f - CURVATURE / 2 * x * x
            for x, f in zip(profile["x_nm"], profile["pmf_kj_mol"])
            if abs(x) < 0.2 and f is not None]
    mean = sum(kept) / len(kept)
    return max(abs(v - mean) for v in kept)


def check_profiles(answers):
    worst = {name: worst_error(answer) for name, answer in answers.items() if answer}
    if max(worst.values()) > 1:
        raise measure.Failed(f"the exact profile is missed: {worst}")
    return stopped(answers) + "off the exact profile, kJ/mol: " + ", ".join(
        f"{name} {value:.2f}" for name, value in worst.items())


def stopped(answers):
    return "".join(f"{name} was stopped after {LIMIT} s of processor time, ratios are lower "
                   "bounds; " for name, answer in answers.items() if not answer)


def check_f_k(answers):
    mine, theirs = answers["autosim"]["f_k_kj_mol"], answers["pymbar, solve alone"]
    return stopped(answers) + (f"f_k: {agree('pymbar', mine, theirs, 1e-4)}" if theirs
                               else "none to compare")


def against_wham(book, samples):
    folder = book.inputs.umbrella(WINDOWS, samples)
    if not os.path.exists(os.path.join(folder, "tpr.dat")):
        two_atoms.simulate(folder, WINDOWS, 1000, run=False)
        with open(os.path.join(folder, "pullx.dat"), "w") as out:
            out.writelines(f"w{k:03d}_pullx.xvg\n" for k in range(WINDOWS))
    return Contest(
        f"{WINDOWS} windows x {samples:,} samples as text, {BOOTSTRAPS} bootstraps",
        {"autosim": estimate(book, folder, ["gmx-wham", "tpr.dat", "pullx.dat"]),
         WHAM: wham(folder)},
        book.pairs, once=() if book.quick else (WHAM,)).compete(check_profiles)


def row(book):
    samples = 5000 if book.quick else 50000
    contests, targets, absent, notes = [], [], [], []
    if shutil.which("gmx"):
        result = against_wham(book, samples)
        contests.append(result)
        notes.append("All on one core, one thread.")
        targets += [target(f"PMF, 40 x {samples:,}, 200 bootstraps, against gmx wham -ac",
                           result["ratios"]["autosim"][WHAM], 100),
                    target("the same, peak memory of ours",
                           result["entries"][0]["peak_mb"], 64, "<=", "MB")]
    else:
        absent.append("gmx")
    if book.has_module("pymbar"):
        count = 2000 if book.quick else 50000
        folder = book.inputs.umbrella(WINDOWS, count)
        result = Contest(
            f"{WINDOWS} windows x {count:,} samples; pymbar solves from memory, no errors",
            {"autosim": estimate(book, folder, ["meta", "meta", "--temperature", KELVIN]),
             "pymbar, solve alone": book.python("solve_pymbar", folder, count, limit=LIMIT)},
            book.pairs, once=("pymbar, solve alone",)).compete(check_f_k)
        contests.append(result)
        notes.append("The promise was made of pymbar 4. pymbar is run once; ours reads text "
                     "and has 200 bootstraps.")
        targets.append(target(f"PMF, {WINDOWS} x {count:,}, 200 bootstraps, against the "
                              "solve of pymbar alone",
                              result["ratios"]["autosim"]["pymbar, solve alone"], 200))
    else:
        absent.append("pymbar")
    return {"contests": contests, "targets": targets, "absent": absent, "notes": notes}


ROWS = [("pmf", "PMF with 200 bootstraps, text input", row)]
