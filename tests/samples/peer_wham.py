#!/usr/bin/env python3
"""Samples made elsewhere: `pmf --from` on a real pull simulation against gmx wham and the
exact profile; and input that must not pass: joined outputs, other units, wrong temperature.

    peer_wham.py AUTOSIM
"""
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile

import pull
import two_atoms

CURVATURE = 200.0  # of the exact profile, kJ/mol/nm^2


def pmf(autosim, cwd, out, *arguments, code=0):
    done = subprocess.run([autosim, "pmf", "-C", out, *arguments], cwd=cwd, text=True,
                          capture_output=True)
    if done.returncode != code:
        sys.exit(f"pmf {' '.join(arguments)}: exit {done.returncode}, {code} was expected\n"
                 f"{done.stdout}{done.stderr}")
    if code != 0:
        return done.stderr
    result = json.load(open(os.path.join(cwd, out, "pmf", "pmf.json")))
    result["stderr"] = done.stderr
    return result


def centred(x, f, x0):
    """f at x less its mean over the places x0, by linear interpolation."""
    def at(place):
        for i in range(len(x) - 1):
            if x[i] <= place <= x[i + 1]:
                part = (place - x[i]) / (x[i + 1] - x[i])
                return (1 - part) * f[i] + part * f[i + 1]
        sys.exit(f"{place} nm is outside of a profile")
    values = [at(place) for place in x0]
    mean = sum(values) / len(values)
    return [value - mean for value in values]


def rms(a, b):
    return (sum((x - y) ** 2 for x, y in zip(a, b)) / len(a)) ** 0.5


def check(name, value, limit):
    print(f"{'ok' if value <= limit else 'FAILED'} {name}: {value:.3g} (limit {limit:g})")
    if value > limit:
        sys.exit(1)


def wham_profile(cwd, x):
    """gmx wham with the same bins as ours."""
    width = (x[-1] - x[0]) / (len(x) - 1)
    subprocess.run(["gmx", "wham", "-it", "tpr.dat", "-ix", "pullx.dat", "-o", "wham.xvg",
                    "-hist", "hist.xvg", "-temp", "310", "-unit", "kJ",
                    "-bins", str(len(x)), "-min", repr(x[0] - width / 2), "-max",
                    repr(x[-1] + width / 2), "-tol", "1e-9"], cwd=cwd, check=True,
                   capture_output=True)
    rows = [line.split() for line in open(os.path.join(cwd, "wham.xvg"))
            if line[0] not in "#@"]
    return [float(r[0]) for r in rows], [float(r[1]) for r in rows]


def rewrite(cwd, name, change):
    """A copy of the list pullx.dat whose first file is changed by `change`."""
    names = open(os.path.join(cwd, "pullx.dat")).read().split()
    lines = open(os.path.join(cwd, names[0])).read().splitlines(keepends=True)
    open(os.path.join(cwd, name + ".xvg"), "w").write("".join(change(lines)))
    with open(os.path.join(cwd, name + ".dat"), "w") as out:
        out.write("# changed\n\n" + "\n".join([name + ".xvg"] + names[1:]) + "\n")
    return name + ".dat"


def is_row(line):
    return line[0] not in "#@"


def thin(lines):
    head, rows = [l for l in lines if not is_row(l)], [l for l in lines if is_row(l)]
    half = len(rows) // 2
    return head + rows[:half] + rows[half::5]


def main():
    autosim = os.path.abspath(sys.argv[1])
    if not shutil.which("gmx"):
        print("skipped: there is no gmx on the PATH")
        sys.exit(77)
    cwd = tempfile.mkdtemp(prefix="autosim-test-")
    two_atoms.simulate(cwd, 9, 100000)
    ours = pmf(autosim, cwd, "positions", "--from", "gmx-wham", "tpr.dat", "pullx.dat")
    forces = pmf(autosim, cwd, "forces", "--from", "gmx-wham", "tpr.dat", "pullf.dat")
    assert ours["trustworthy"] and ours["temperature_kelvin"] == 310
    x, f = ours["x_nm"], ours["pmf_kj_mol"]
    places = [-0.24 + 0.02 * i for i in range(25)]
    error = max(ours["error_kj_mol"])
    exact = [CURVATURE / 2 * place ** 2 for place in places]
    mean = sum(exact) / len(exact)
    check("exact profile, rms", rms(centred(x, f, places), [v - mean for v in exact]),
          error)
    check("positions and forces", rms(f, forces["pmf_kj_mol"]), 1e-4)
    # The same samples in the same bins: what differs is the bin bias of gmx wham, which is
    # 0.03 kJ/mol at bins of 0.3 sigma and grows with their square; ours are 0.25 wide.
    xw, fw = wham_profile(cwd, x)
    assert len(xw) == len(x)
    check("gmx wham, rms", rms(centred(x, f, places), centred(xw, fw, places)),
          0.03 + error / 4)

    # gzip, and rows that a restart wrote again, change nothing.
    for name in open(os.path.join(cwd, "pullx.dat")).read().split():
        with open(os.path.join(cwd, name), "rb") as plain:
            with gzip.open(os.path.join(cwd, name + ".gz"), "wb") as packed:
                packed.write(plain.read())
    with open(os.path.join(cwd, "gz.dat"), "w") as out:
        for name in open(os.path.join(cwd, "pullx.dat")).read().split():
            out.write(name + ".gz\n")
    packed = pmf(autosim, cwd, "gz", "--from", "gmx-wham", "tpr.dat", "gz.dat")
    assert packed["pmf_kj_mol"] == f, "compressed files give another profile"
    again = rewrite(cwd, "again", lambda lines: lines + lines[-300:])
    again = pmf(autosim, cwd, "again", "--from", "gmx-wham", "tpr.dat", again)
    assert again["pmf_kj_mol"] == f and "300 rows were left out" in again["stderr"]

    # Grossfield's list of the same samples.
    centres = [-0.25 + 0.5 * k / 8 for k in range(9)]
    names = open(os.path.join(cwd, "pullx.dat")).read().split()
    with open(os.path.join(cwd, "meta.dat"), "w") as out:
        for name, centre in zip(names, centres):
            out.write(f"{name} {centre:.6f} 1500 1.0 310\n")
    meta = pmf(autosim, cwd, "meta", "--from", "meta", "meta.dat")
    check("list of windows", rms(meta["pmf_kj_mol"], f), 1e-5)

    # The same as COLVAR of PLUMED and as colvars.traj, a restart's header in the middle.
    for kind, head in (("colvar", "#! FIELDS time d2 d1 r.bias\n"),
                       ("traj", "# step         d2   d1  E_d1\n")):
        with open(os.path.join(cwd, kind + ".dat"), "w") as out:
            for name, centre in zip(names, centres):
                rows = [line.split() for line in open(os.path.join(cwd, name))
                        if is_row(line)]
                text = [f"{5 * i if kind == 'traj' else row[0]} 7.5 {row[1]} 0.1\n"
                        for i, row in enumerate(rows) if len(row) > 1]
                pull.write(cwd, f"{name}.{kind}",
                                head + "".join(text[:99]) + head + "".join(text[99:]))
                out.write(f"{name}.{kind}:d1 {centre:.6f} 1500 1.0 310\n")
        same = pmf(autosim, cwd, kind, "--from", "meta", kind + ".dat")
        check(kind, rms(same["pmf_kj_mol"], meta["pmf_kj_mol"]), 0)
        wrong = open(os.path.join(cwd, kind + ".dat")).read()
        pull.write(cwd, "wrong.dat", wrong.replace(":d1", ":d3"))
        message = pmf(autosim, cwd, "bad", "--from", "meta", "wrong.dat", code=3)
        assert "no column 'd3'" in message and "names 'd2' 'd1'" in message, message
        pull.write(cwd, "wrong.dat", wrong.replace(":d1", ""))
        message = pmf(autosim, cwd, "bad", "--from", "meta", "wrong.dat", code=3)
        assert "FILE:NAME" in message, message
    # Another column of the same files: 7.5 + a part of d1, so that F(y) is that of d1.
    with open(os.path.join(cwd, "along.dat"), "w") as out:
        for name, centre in zip(names, centres):
            rows = [line.split() for line in open(os.path.join(cwd, name)) if is_row(line)]
            pull.write(cwd, f"{name}.two", "#! FIELDS time d1 d2\n" + "".join(
                f"{row[0]} {row[1]} {7.5 + 2 * float(row[1]):.7f}\n"
                for row in rows if len(row) > 1))
            out.write(f"{name}.two:d1 {centre:.6f} 1500 1.0 310\n")
    pmf(autosim, cwd, "along", "--from", "meta", "along.dat", "--along", "d2")
    along = json.load(open(os.path.join(cwd, "along", "pmf", "along.json")))
    known = [(f - CURVATURE / 2 * ((y - 7.5) / 2) ** 2, e) for y, f, e in
             zip(along["y"], along["pmf_kj_mol"], along["error_kj_mol"])
             if f is not None and abs(y - 7.5) < 0.5]
    shift = sum(off for off, _ in known) / len(known)
    check("another column, rms in its own standard errors",
          rms([(off - shift) / e for off, e in known], [0] * len(known)), 2)
    assert along["x_coordinate"] == "d1" and along["coordinate"] == "d2"
    message = pmf(autosim, cwd, "along", "--from", "meta", "along.dat", "--along", "d9",
                  code=3)
    assert "no column 'd9'" in message, message
    message = pmf(autosim, cwd, "bad", "--from", "meta", "traj.dat", "--discard", "5",
                  code=2)
    assert "counts steps" in message, message

    # What must not pass.
    message = pmf(autosim, cwd, "bad", "--from", "gmx-wham", "tpr.dat",
                  rewrite(cwd, "thin", thin), code=3)
    assert "spacing" in message, message
    message = pmf(autosim, cwd, "bad", "--from", "gmx-wham", "tpr.dat",
                  rewrite(cwd, "unit", lambda lines: [line.replace("(nm)", "(deg)")
                                                      for line in lines]), code=3)
    assert "deg" in message, message
    angstrom = open(os.path.join(cwd, names[0])).read().replace("(nm)", "(Angstrom)")
    pull.write(cwd, "angstrom.xvg", angstrom)
    pull.write(cwd, "wrong.dat", open(os.path.join(cwd, "meta.dat")).read().replace(
        names[0], "angstrom.xvg"))
    message = pmf(autosim, cwd, "bad", "--from", "meta", "wrong.dat", code=3)
    assert "Angstrom" in message and "nm" in message, message
    message = pmf(autosim, cwd, "bad", "--from", "gmx-wham", "tpr.dat", "meta.dat", code=3)
    assert "line 1" in message, message
    message = pmf(autosim, cwd, "bad", "--from", "meta", "meta.dat", "--temperature", "300",
                  code=2)
    assert "310" in message, message
    text = open(os.path.join(cwd, "meta.dat")).read()
    open(os.path.join(cwd, "two.dat"), "w").write(text.replace(" 310", " 300", 1))
    message = pmf(autosim, cwd, "bad", "--from", "meta", "two.dat", code=3)
    assert "300 K" in message, message
    open(os.path.join(cwd, "copy.dat"), "w").write(text + text.splitlines()[4] + "\n")
    message = pmf(autosim, cwd, "bad", "--from", "meta", "copy.dat", code=3)
    assert "the same samples" in message, message
    # A temperature that is wrong throughout shows in the widths of the windows.
    open(os.path.join(cwd, "hot.dat"), "w").write(text.replace(" 310", " 420"))
    message = pmf(autosim, cwd, "hot", "--from", "meta", "hot.dat", "--require", "1000",
                  code=6)
    assert "Do not trust" in message, message
    message = pmf(autosim, cwd, "bad", "--from", "meta", "meta.dat", "--require", "0.01",
                  code=6)
    assert "--require asks for" in message, message
    pmf(autosim, cwd, "good", "--from", "meta", "meta.dat", "--require", "100")
    hot = pmf(autosim, cwd, "hot", "--from", "meta", "hot.dat")
    assert not hot["trustworthy"]
    assert not next(g for g in hot["gates"] if g["name"] == "consistency")["pass"]
    shutil.rmtree(cwd)


if __name__ == "__main__":
    main()
