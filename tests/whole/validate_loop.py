#!/usr/bin/env python3
"""Closed loops on alanine dipeptide, with different seeds on the same PC1: does the band of
each, once `run --until` has ended, hold the true profile? Long; results are kept in
docs/validation.md.

    validate_loop.py AUTOSIM COMPARE_PROFILES LOOPS [FOLDER [FIRST_SEED]] [--short]

The truth for a loop is the profile of the windows of all other loops together: the same
coordinate, other random numbers, and an error that falls with their number. A trajectory
without bias would be no better known than the band is wide.

In FOLDER (default: a temporary one) a loop whose result is there is not run again, and one
that was cut off goes on. There are as many loops at once as cores, each on one of its own.
--short: a few minutes, to see that all of it works; the figures mean nothing.
"""
import concurrent.futures
import glob
import json
import math
import os
import shutil
import sys
import time

import common

LEAST_INSIDE = 0.9  # of the loops; 0.95 are expected


class Loops:
    def __init__(self, autosim, folder, short):
        self.autosim, self.folder = autosim, folder
        self.ns, self.until = (0.1, 2) if short else (1, 0.3)

    def campaign(self, seed):
        return os.path.join(self.folder, f"loop-{seed}")

    def prepare(self, picoseconds):
        """The trajectory without bias and its components, once for all loops."""
        if os.path.exists(os.path.join(self.folder, "base", "pca", "pca.json")):
            return
        common.simulate_alanine(self.folder, picoseconds, 1)
        common.run([self.autosim, "pca", "unbiased.tpr", "unbiased.xtc", "-C", "base"],
                   cwd=self.folder)

    def run(self, seed):
        """One loop to its end; what it took is kept in result.json of its folder."""
        campaign = self.campaign(seed)
        result = os.path.join(campaign, "result.json")
        if os.path.exists(result):
            return
        if not os.path.exists(campaign):
            shutil.rmtree(campaign + ".new", ignore_errors=True)
            shutil.copytree(os.path.join(self.folder, "base"), campaign + ".new")
            os.rename(campaign + ".new", campaign)
        began = time.monotonic()
        done = common.run([self.autosim, "run", "-q", "-C", campaign, "--until",
                           str(self.until), "--ns", str(self.ns), "--seed", str(seed)],
                          check=False, timeout=36000)
        if done.returncode not in (0, 6):
            sys.exit(f"{campaign}: exit {done.returncode}\n{done.stderr}")
        rounds = json.load(open(os.path.join(campaign, "decisions.json")))["rounds"]
        with open(result + ".new", "w") as out:
            json.dump({"exit_code": done.returncode, "rounds": len(rounds),
                       "seconds": time.monotonic() - began}, out)
        os.rename(result + ".new", result)

    def windows(self, seed):
        plan = json.load(open(os.path.join(self.campaign(seed), "plan.json")))
        folder = os.path.join(self.campaign(seed), "windows")
        for path in sorted(glob.glob(os.path.join(folder, "*", "bias.xvg"))):
            number = int(os.path.basename(os.path.dirname(path)))
            window = next(w for w in plan["windows"] if w["window_id"] == number)
            yield path, window["centre_nm"], window["force_constant_kj_mol_nm2"]

    def pool(self, name, seeds):
        """The profile of all windows of these loops. Column 2 is the projection."""
        folder = os.path.join(self.folder, name)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(os.path.join(self.folder, "base"), folder)
        with open(os.path.join(folder, "windows.dat"), "w") as out:
            for seed in seeds:
                out.writelines(f"{path}:2 {centre} {k}\n"
                               for path, centre, k in self.windows(seed))
        common.run([self.autosim, "pmf", "-q", "-C", folder, "--from", "meta",
                    os.path.join(folder, "windows.dat"), "--temperature", "300",
                    "--discard", str(100 * self.ns)])
        return profile(folder)


def run_all(loops, seeds):
    """A thread a core; what it starts inherits the core."""
    cores = sorted(os.sched_getaffinity(0))
    with concurrent.futures.ThreadPoolExecutor(
            len(cores),
            initializer=lambda: os.sched_setaffinity(0, {cores.pop()})) as pool:
        for _ in pool.map(loops.run, seeds):
            pass


def profile(folder):
    return json.load(open(os.path.join(folder, "pmf", "pmf.json")))


def at(x, values, place):
    """Linear in between; None outside and beside bins without samples."""
    for i in range(len(x) - 1):
        if x[i] <= place <= x[i + 1] and None not in values[i:i + 2]:
            part = (place - x[i]) / (x[i + 1] - x[i])
            return (1 - part) * values[i] + part * values[i + 1]
    return None


def compare(pmf, truth):
    """As the band is meant: the mean difference over all bins is taken out, and the
    whole profile between the outermost centres has to lie inside. Returns the largest
    |difference| / band, where, the difference rms, and the widest bands of both."""
    first, last = min(pmf["centre_nm"]), max(pmf["centre_nm"])
    rows = []
    for x, f, band in zip(pmf["x_nm"], pmf["pmf_kj_mol"], pmf["band_kj_mol"]):
        true = at(truth["x_nm"], truth["pmf_kj_mol"], x)
        if f is None or true is None:
            print(f"nothing to compare at {x:.4f} nm")
            continue
        rows.append((x, f - true, band, at(truth["x_nm"], truth["band_kj_mol"], x)))
    offset = sum(row[1] for row in rows) / len(rows)
    rows = [(x, difference - offset, band, error) for x, difference, band, error in rows
            if first <= x <= last]
    ratio, place = max((abs(row[1]) / row[2], row[0]) for row in rows)
    rms = math.sqrt(sum(row[1]**2 for row in rows) / len(rows))
    return ratio, place, rms, max(row[2] for row in rows), max(row[3] for row in rows)


def idle_share(campaign):
    """Of the loop's core, while no window runs: analysis, writing inputs, starts."""
    events = [json.loads(line) for line in open(os.path.join(campaign, "journal.jsonl"))]
    busy = sum(event.get("runtime_seconds", 0) for event in events)
    return 1 - busy / json.load(open(os.path.join(campaign, "result.json")))["seconds"]


def report(loops, seeds):
    inside = 0
    print("| seed | rounds | ns | reached | widest band | of the truth | rms | largest "
          "difference/band | at nm | inside | minutes | idle |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for seed in seeds:
        campaign = loops.campaign(seed)
        pmf = profile(campaign)
        truth = loops.pool("others", [other for other in seeds if other != seed])
        result = json.load(open(os.path.join(campaign, "result.json")))
        status = json.loads(common.run([loops.autosim, "status", "--json", "-C",
                                        campaign]).stdout)
        ns = sum(window["nsteps"] for window in status["windows"]) * 2e-6
        ratio, place, rms, band, error = compare(pmf, truth)
        inside += ratio <= 1
        print(f"| {seed} | {result['rounds']} | {ns:.1f} | "
              f"{'yes' if result['exit_code'] == 0 else 'no'} | {band:.3f} | {error:.3f} | "
              f"{rms:.3f} | {ratio:.2f} | {place:.3f} | {'yes' if ratio <= 1 else 'no'} | "
              f"{result['seconds'] / 60:.1f} | {idle_share(campaign):.0%} |", flush=True)
    print(f"{inside} of {len(seeds)} bands hold the profile of all other loops together")
    return inside


def main():
    short = "--short" in sys.argv
    given = [word for word in sys.argv[1:] if word != "--short"]
    autosim, compare_profiles = map(os.path.abspath, given[:2])
    count = int(given[2])
    folder = os.path.abspath(given[3]) if len(given) > 3 else common.workdir()
    first_seed = int(given[4]) if len(given) > 4 else 1
    common.need_gmx()
    os.makedirs(folder, exist_ok=True)
    loops = Loops(autosim, folder, short)
    loops.prepare(400 if short else 4000)
    seeds = range(first_seed, first_seed + count)
    run_all(loops, seeds)
    inside = report(loops, seeds)
    loops.pool("all", seeds)
    reference = os.path.join(common.SOURCE, "examples", "alanine", "reference.json")
    done = common.run([compare_profiles, os.path.join(folder, "all"), reference, "10",
                       "99" if short else "0.3"], check=False)
    print(f"all loops together against simulation without bias: {done.stdout.strip()}")
    if not short and (inside < LEAST_INSIDE * count or done.returncode != 0):
        sys.exit(f"beyond its limit; see {folder}")
    if len(given) <= 3:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
