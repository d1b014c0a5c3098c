#!/usr/bin/env python3
"""The windows' bias as files for use elsewhere; needs no GROMACS.

    test_export.py AUTOSIM TPR    (a TPR of three atoms)

A small campaign is planned, its bias exported in all three forms, and each form is read
again here by its own rules: the coordinate, centre and force constant that come out must
be those of pca.json and plan.json.
"""
import json
import math
import os
import random
import re
import shutil
import sys

import common

USAGE, INPUT = 2, 3
ATOMS = 3


def make_trajectory(path):
    """Frames in which the angle of three atoms opens and closes."""
    noise = random.Random(7)
    with open(path, "w") as out:
        for step in range(200):
            half = math.radians(50 + 10 * math.sin(step / 5)) + noise.gauss(0, 0.02)
            bond = [0.15 + noise.gauss(0, 0.001) for _ in range(2)]
            atoms = [(2 - bond[0] * math.sin(half), 2 + bond[0] * math.cos(half)),
                     (2, 2),
                     (2 + bond[1] * math.sin(half), 2 + bond[1] * math.cos(half))]
            out.write(f"three atoms t= {step:.1f} step= {step}\n    {ATOMS}\n")
            for i, (x, y) in enumerate(atoms):
                out.write(f"    1TRI     A{i + 1}    {i + 1}{x:10.5f}{y:10.5f}"
                          f"{2:10.5f}\n")
            out.write("   4.00000   4.00000   4.00000\n")


def close(a, b, tolerance):
    assert len(a) == len(b) and all(abs(p - q) <= tolerance for p, q in zip(a, b)), (a, b)


def read(*parts):
    with open(os.path.join(*parts)) as file:
        return file.read()


def dot(a, b):
    return sum(p * q for p, q in zip(a, b))


class Campaign:
    def __init__(self, autosim, folder):
        self.autosim, self.folder = autosim, folder

    def run(self, *arguments, code=0, words=()):
        done = common.run([self.autosim, *arguments], cwd=self.folder, check=False)
        assert done.returncode == code, (arguments, done.returncode, done.stderr)
        for word in words:
            assert word in done.stderr, (arguments, word, done.stderr)
        return done

    def load(self):
        self.plan = json.loads(read(self.folder, "autosim", "plan.json"))
        self.pca = json.loads(read(self.folder, "autosim", "pca", "pca.json"))
        self.vector = self.pca["pc1_eigenvector"]
        self.mean = self.pca["mean_nm"]
        self.reference = self.pca["reference_nm"]

    def export(self, form, *where):
        folder = os.path.join(self.folder, *(where or ("autosim", "export", form)))
        done = self.run("export", form, *([os.path.join(*where)] if where else []))
        assert f"{form}: {len(self.plan['windows'])} windows" in done.stdout, done.stdout
        names = [f"{window['window_id']:03d}" for window in self.plan["windows"]]
        assert sorted(os.listdir(folder)) == names + ["README.md"], os.listdir(folder)
        self.check_readme(read(folder, "README.md"))
        return [(os.path.join(folder, name), window)
                for name, window in zip(names, self.plan["windows"])]

    def check_readme(self, text):
        rows = [[cell.strip() for cell in line.strip("|").split("|")]
                for line in text.splitlines() if re.match(r"\| \d", line)]
        assert len(rows) == len(self.plan["windows"]), text
        for row, window in zip(rows, self.plan["windows"]):
            assert row[0] == f"{window['window_id']:03d}", row
            close([float(row[1]), float(row[2])], bias_of(window), 1e-7)
        assert f"of {ATOMS} atoms" in text and "300 K" in text, text
        assert max(map(len, text.splitlines())) <= 90, text


def bias_of(window):
    return [window["centre_nm"], window["force_constant_kj_mol_nm2"]]


def numbers(text):
    return [float(word) for word in re.findall(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?", text)]


def check_colvars(campaign):
    for folder, window in campaign.export("colvars"):
        assert os.listdir(folder) == ["bias.colvars"]
        text = read(folder, "bias.colvars")
        def line(key):
            return numbers(re.search(rf"^ *{key} (.*)$", text, re.M).group(1))
        blocks = [numbers(found) for found in re.findall(r"refPositions (.*)", text)]
        assert line("atomNumbers") == [1, 2, 3], text
        close(blocks[0], campaign.reference, 1e-14)
        close(blocks[1], campaign.mean, 1e-14)
        close(line("vector"), campaign.vector, 1e-14)
        close(line("centers") + line("forceConstant"), bias_of(window), 1e-12)
        for word in ("centerToReference", "rotateToReference", "enableFitGradients",
                     "outputEnergy"):
            assert re.search(rf"\b{word} on$", text, re.M), word


def pdb_columns(text):
    rows = [line for line in text.splitlines() if line.startswith("ATOM")]
    assert len(rows) == ATOMS and text.endswith("END\n"), text
    assert [int(row[6:11]) for row in rows] == [1, 2, 3], text
    return [float(row[k:k + 8]) / 10 for row in rows for k in (30, 38, 46)]


def check_plumed(campaign):
    for folder, window in campaign.export("plumed", "other", "place"):
        assert sorted(os.listdir(folder)) == ["avg.pdb", "plumed.dat", "vec.pdb"]
        average = pdb_columns(read(folder, "avg.pdb"))
        vector = pdb_columns(read(folder, "vec.pdb"))
        close(average, campaign.reference, 0.51e-6)
        close(vector, campaign.vector, 0.51e-6)
        lines = read(folder, "plumed.dat").splitlines()
        shift = float(re.fullmatch(
            r"p: COMBINE ARG=c\.eig-0 PARAMETERS=(\S+) PERIODIC=NO", lines[1]).group(1))
        at, kappa = map(float, re.fullmatch(r"r: RESTRAINT ARG=p AT=(\S+) KAPPA=(\S+)",
                                            lines[2]).groups())
        assert lines[0] == "c: PCARMSD AVERAGE=avg.pdb EIGENVECTORS=vec.pdb", lines
        assert re.fullmatch(r"PRINT ARG=p,c\.residual,r\.bias FILE=COLVAR STRIDE=\d+ "
                            r"FMT=%\.10g", lines[3]) and len(lines) == 4, lines
        # PCARMSD is taken from the rounded average, p from the exact mean.
        wanted = dot(vector, [m - a for m, a in zip(campaign.mean, average)])
        close([shift, at, kappa], [wanted, *bias_of(window)], 1e-12)


def edi_sections(text):
    """Name: the lines below it."""
    parts = re.split(r"^# ?(.*)\n", text, flags=re.M)[1:]
    return {name: body.splitlines() for name, body in zip(parts[::2], parts[1::2])}


def check_edi(campaign):
    for folder, window in campaign.export("edi"):
        assert os.listdir(folder) == ["bias.edi"]
        sections = edi_sections(read(folder, "bias.edi"))
        for name, value in (("MAGIC", 670), ("NINI", ATOMS), ("FITMAS", 0),
                            ("ANALYSIS_MAS", 0), ("HARMONIC", 1), ("EFL_NULL", -1),
                            ("CONST_FORCE_FLOODING", 0), ("MAXLEN", 0)):
            assert float(sections[name][0]) == value, (name, sections[name])
        for name, positions in (("NREF, XREF", campaign.reference),
                                ("NAV, XAV", campaign.mean)):
            count, *rows = [line.split() for line in sections[name]]
            assert count == ["3"] and [row[0] for row in rows] == ["1", "2", "3"], rows
            close([float(v) for row in rows for v in row[1:]], positions, 1e-8)
        count, spring, *vector = sections["NUMBER OF EIGENVECTORS + COMPONENTS GROUP 7"]
        # mdrun reads at most 7 characters of the number, 12 of each of the others.
        number, *values = spring.split()
        assert count.split() == ["1"] and number == "1", spring
        assert max(map(len, values)) <= 12, spring
        k, centre, slope = map(float, values)
        close([centre, k, slope], [*bias_of(window), 0], 1e-6)
        close([float(v) for line in vector for v in line.split()], campaign.vector, 1e-8)
        for group in range(1, 7):
            empty = sections[f"NUMBER OF EIGENVECTORS + COMPONENTS GROUP {group}"]
            assert "".join(empty).split() == ["0"], empty


def check_errors(campaign):
    campaign.run("export", "edi", "-C", "nowhere", code=INPUT,
                 words=("'nowhere'", "holds no planned windows", "-C names another"))
    campaign.run("pca", "tri.tpr", "tri.gro", "--sel", "all", "-C", "unplanned")
    campaign.run("export", "edi", "-C", "unplanned", code=INPUT,
                 words=("'unplanned'", "holds no planned windows"))
    for name in ("auto", "pull"):
        campaign.run("export", name, code=USAGE,
                     words=(f"'{name}'", "colvars, plumed or edi"))
    campaign.run("export", code=USAGE)
    with open(os.path.join(campaign.folder, "file"), "w"):
        pass
    done = campaign.run("export", "edi", "file", code=4)
    assert "'file" in done.stderr, done.stderr


def main():
    autosim, tpr = map(os.path.abspath, sys.argv[1:3])
    folder = common.workdir()
    shutil.copy(tpr, os.path.join(folder, "tri.tpr"))
    make_trajectory(os.path.join(folder, "tri.gro"))
    campaign = Campaign(autosim, folder)
    campaign.run("run", "-n", "tri.tpr", "tri.gro", "--sel", "all", "--windows", "3",
                 "--ns", "0.1", "--bias", "edi")
    campaign.load()
    check_colvars(campaign)
    check_plumed(campaign)
    check_edi(campaign)
    check_errors(campaign)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
