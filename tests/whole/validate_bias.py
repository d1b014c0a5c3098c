#!/usr/bin/env python3
"""The biases against the truth, from TPR files of the GROMACS on the PATH alone, run by
the second one. Long; results are kept in docs/validation.md.

    validate_bias.py alanine|triatomic AUTOSIM COMPARE_PROFILES|COMPARE_QUADRATURE [--short]

alanine: the same trajectory by --bias colvars and by --bias edi, each against simulation
without bias (0.2 kJ/mol rms for colvars), and the two against each other: they differ by no
more than their errors and what the force error of edi predicts.
triatomic: a deliberately bad reference, one bond three times as long, against quadrature
(0.1 kJ/mol rms for colvars); edi is refused with it.
--short: a hundredth of the time, to see that all of it works; the figures mean nothing.
"""
import json
import os
import shutil
import sys

import common

MOST_KJ_MOL = {"alanine": 10, "triatomic": 12}
SHORT_LIMIT = 99


def profile(folder, campaign):
    return json.load(open(os.path.join(folder, campaign, "pmf", "pmf.json")))


def run(autosim, gmx, folder, campaign, *arguments, codes=(0, 6)):
    done = common.run([autosim, "run", "-q", "-C", campaign, "--gmx", gmx, *arguments],
                      cwd=folder, check=False, timeout=14400)
    if done.returncode not in codes:
        sys.exit(f"run {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
    return done


def compare_with_each_other(a, b, w2, most):
    """Two profiles of one trajectory: a and b are dictionaries of pmf.json."""
    def at(x, values, place):
        for i in range(len(x) - 1):
            if x[i] <= place <= x[i + 1]:
                part = (place - x[i]) / (x[i + 1] - x[i])
                return (1 - part) * values[i] + part * values[i + 1]
        return None

    rows = [(f, e, at(b["x_nm"], b["pmf_kj_mol"], x), at(b["x_nm"], b["error_kj_mol"], x))
            for x, f, e in zip(a["x_nm"], a["pmf_kj_mol"], a["error_kj_mol"])]
    lowest = min(a["pmf_kj_mol"])
    rows = [row for row in rows if row[2] is not None and row[0] - lowest < most]
    count = len(rows)
    shift = sum(f - g for f, _, g, _ in rows) / count
    middle = sum(f for f, _, _, _ in rows) / count
    rms = (sum((f - g - shift)**2 for f, _, g, _ in rows) / count)**0.5
    errors = (sum(e**2 + d**2 for _, e, _, d in rows) / count)**0.5
    predicted = w2 * (sum((f - middle)**2 for f, _, _, _ in rows) / count)**0.5
    print(f"colvars and edi differ by {rms:.3f} kJ/mol rms over {count} points; standard "
          f"errors {errors:.3f}, (1 + <w^2>) predicts {predicted:.3f}")
    # Neighbouring points share their noise: of some ten independent ones, the rms is
    # below 1.5 standard errors in 99 of 100 cases.
    return rms <= 1.5 * errors + predicted


def alanine(autosim, compare, gmx, folder, short):
    common.simulate_alanine(folder, 400 if short else 4000, 1)
    reference = os.path.join(common.SOURCE, "examples", "alanine", "reference.json")
    failed = []
    for bias, limit in (("colvars", 0.2), ("edi", 0.2)):
        run(autosim, gmx, folder, bias, "unbiased.tpr", "unbiased.xtc", "--bias", bias,
            "--ns", "0.05" if short else "1")
        done = common.run([compare, os.path.join(folder, bias), reference, "10",
                           str(SHORT_LIMIT if short else limit)], check=False)
        print(f"{bias} against simulation without bias: {done.stdout.strip()}", flush=True)
        if done.returncode != 0:
            failed.append(bias)
    plan = json.load(open(os.path.join(folder, "edi", "plan.json")))
    same = compare_with_each_other(profile(folder, "colvars"), profile(folder, "edi"),
                                   plan["force_error"], MOST_KJ_MOL["alanine"])
    if not same and not short:
        failed.append("colvars against edi")
    return failed


def triatomic(autosim, compare, gmx, folder, short):
    common.simulate_triatomic(folder, 100000 if short else 1000000)
    bad = open(os.path.join(folder, "c.gro")).read()
    start = "    1TRI     A3    3   2.100   2.300   2.000"
    assert start in bad
    with open(os.path.join(folder, "bad.gro"), "w") as out:
        out.write(bad.replace(start, "    1TRI     A3    3   2.100   2.900   2.000"))
    given = ["tri.tpr", "tri.xtc", "--reference", "bad.gro", "--ns",
             "0.05" if short else "4"]
    done = run(autosim, gmx, folder, "edi", *given, "--bias", "edi", codes=(2,))
    print(f"edi: {done.stderr.strip()}")
    run(autosim, gmx, folder, "colvars", *given, "--bias", "colvars")
    done = common.run([compare, os.path.join(folder, "colvars"), "12",
                       str(SHORT_LIMIT if short else 0.1)], check=False)
    plan = json.load(open(os.path.join(folder, "colvars", "plan.json")))
    print(f"colvars with a bad reference, where edi would have <w^2> = "
          f"{plan['force_error']:.3f}, against quadrature: {done.stdout.strip()}")
    return [] if done.returncode == 0 else ["triatomic by colvars"]


def main():
    what, autosim, compare = sys.argv[1], *map(os.path.abspath, sys.argv[2:4])
    short = "--short" in sys.argv[4:]
    common.need_gmx()
    gmx = common.gmx_with_colvars()
    folder = common.workdir()
    failed = {"alanine": alanine, "triatomic": triatomic}[what](autosim, compare, gmx,
                                                               folder, short)
    if failed:
        sys.exit(f"beyond its limit: {', '.join(failed)}; see {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
