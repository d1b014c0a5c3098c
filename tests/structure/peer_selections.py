#!/usr/bin/env python3
"""Selections that people type, against MDAnalysis: the same atoms, or the same readings.

    peer_selections.py STRUCTURE_TOOL TABLE COMPLEX_PDB ALANINE_PDB [--write]

Data: AUTOSIM_TEST_DATA, or else AUTOSIM_TEST_DATA_DEFAULT. Exit 77: skipped. With
--write the counts in the table are replaced by MDAnalysis'. The table says what its
columns mean.
"""
import os
import re
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")
try:
    import MDAnalysis
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)

TOOL, TABLE, COMPLEX, ALANINE = sys.argv[1:5]
DATA = os.environ.get("AUTOSIM_TEST_DATA") or os.environ["AUTOSIM_TEST_DATA_DEFAULT"]
SYSTEMS = {
    "adk": ("adk/adk_oplsaa.tpr", "adk/adk_oplsaa.xtc"),
    "psf": ("adk/adk.psf", "adk/adk_dims.dcd"),
    "cobrotoxin": ("cobrotoxin/cobrotoxin.tpr", "cobrotoxin/cobrotoxin.xtc"),
    "complex.pdb": (COMPLEX, COMPLEX),
    "alanine.pdb": (ALANINE, ALANINE),
}
# Words of GROMACS, VMD and autosim that MDAnalysis does not have.
FOREIGN = re.compile(r"\b(within|exwithin|pbwithin|chain|x|water|ion|serial|resnr)\b")

failures = 0
tally = {}


def complain(*words):
    global failures
    failures += 1
    print("FAILED:", *words)


def to_mdanalysis(text):
    """The text with lengths in Angstrom and without units, as MDAnalysis has it. Only
    where a length can stand: insertion codes look the same."""
    if not re.search(r"around|within|sph|isolayer|cy(zone|layer)|point|prop", text):
        return text
    text = re.sub(r"(-?[\d.]+)nm\b", lambda m: f"{float(m[1]) * 10:.10g}", text)
    return re.sub(r"\b(\d[\d.]*)A\b", r"\1", text)


def fingerprint(atoms):
    index = atoms.indices.astype(object)
    return f"{len(index)} {sum(index)} {sum(i * i for i in index) % 2**64}"


asked = {}


def ask(system, texts):
    """A line of answer for each text, from one run of the tool."""
    new = [text for text in dict.fromkeys(texts) if (system, text) not in asked]
    if new:
        for text, answer in zip(new, run_tool(system, new)):
            asked[system, text] = answer
    return [asked[system, text] for text in texts]


def run_tool(system, texts):
    topology, positions = SYSTEMS[system]
    done = subprocess.run(
        [TOOL, "select", os.path.join(DATA, topology), os.path.join(DATA, positions)],
        check=True, text=True, capture_output=True, input="".join(t + "\n" for t in texts))
    answers = done.stdout.splitlines()
    if len(answers) != len(texts):
        complain(f"{system}: {len(texts)} selections but {len(answers)} answers")
    return answers


def readings(answer):
    return [part.strip().rsplit(": ", 1) for part in answer.split("|")
            if re.search(r": (\d+ atoms?|not in this box) \(", part)]


def check_ambiguous(system, universe, row, answer):
    """Every reading, typed, must give its count, here and in MDAnalysis; the first must
    be what MDAnalysis makes of the text."""
    kind, text, theirs = row
    sign = "a length needs a unit" if kind == "units" else "parentheses"
    shown = readings(answer)
    if sign not in answer or len(shown) < 2:
        complain(f"{system}: {text!r}: expected '{sign}' and readings, got {answer}")
        return None
    counts = [-1 if count.startswith("not") else int(count.split()[0])
              for _, count in shown]
    expected = len(universe.select_atoms(to_mdanalysis(theirs)))
    if counts[0] != expected:
        complain(f"{system}: {text!r} is read as {shown[0]}; MDAnalysis: {expected}")
    for (typed, _), count, again in zip(shown, counts, ask(system, [s[0] for s in shown])):
        if typed.endswith("...") or count < 0:
            continue
        if again.split()[0] != str(count) and not (count == 0 and "no atom" in again):
            complain(f"{system}: reading {typed!r} of {text!r}: {count}, typed: {again}")
        # In nm a bare number is often more than MDAnalysis' cell list takes.
        if not FOREIGN.search(typed) and not re.search(r"\dnm", typed) and \
                len(universe.select_atoms(to_mdanalysis(typed))) != count:
            complain(f"{system}: reading {typed!r} of {text!r} is not {count} atoms")
    return expected


def check_row(system, universe, row, answer):
    kind, text, theirs = row
    if kind in ("units", "joint"):
        return check_ambiguous(system, universe, row, answer)
    if kind == "refused":
        if not answer.startswith("error cannot read the selection") and \
                "this topology file" not in answer:
            complain(f"{system}: {text!r} is not refused: {answer}")
        return 0
    try:
        atoms = universe.select_atoms("not all" if text == "none" else
                                      to_mdanalysis(theirs))
    except Exception as error:
        complain(f"{system}: {text!r}: MDAnalysis: {error}")
        return 0
    if kind == "empty":
        if len(atoms) > 0 or "selects no atom" not in answer:
            complain(f"{system}: {text!r}: MDAnalysis selects {len(atoms)}; {answer}")
        return 0
    if kind == "differs":
        print(f"{system}: {text!r}: {answer.split()[0]}; MDAnalysis: {len(atoms)}")
        if answer == fingerprint(atoms):
            complain(f"{system}: {text!r} does not differ any more")
        return int(answer.split()[0])
    if answer != fingerprint(atoms):
        complain(f"{system}: {text!r}: {answer}, MDAnalysis: {fingerprint(atoms)}")
    return len(atoms)


def read_table():
    """Lines as (system or None, columns)."""
    system, lines = None, []
    for line in open(TABLE).read().splitlines():
        if line.startswith("["):
            system = line[1:-1]
        plain = not line.strip() or line[0] in "#["
        lines.append((None if plain else system, [line] if plain else line.split("\t")))
    return lines


def main():
    lines = read_table()
    distinct = set()
    for system, (topology, positions) in SYSTEMS.items():
        if not os.path.exists(os.path.join(DATA, topology)):
            print(f"{system} is skipped: no {topology} in AUTOSIM_TEST_DATA")
            continue
        if topology == positions:
            universe = MDAnalysis.Universe(os.path.join(DATA, topology))
        else:
            universe = MDAnalysis.Universe(os.path.join(DATA, topology),
                                           os.path.join(DATA, positions))
        rows = [columns for of, columns in lines if of == system]
        answers = ask(system, [columns[2] for columns in rows])
        ask(system, [typed for answer in answers for typed, _ in readings(answer)])
        for columns, answer in zip(rows, answers):
            kind, text = columns[1:3]
            theirs = columns[3] if len(columns) > 3 else text
            count = check_row(system, universe, (kind, text, theirs), answer)
            if "--write" in sys.argv:
                columns[0] = str(count)
            elif count is not None and columns[0] != str(count):
                complain(f"{system}: {text!r}: {count} atoms, the table says {columns[0]}")
            tally[kind] = tally.get(kind, 0) + 1
            distinct.add(text)
    if "--write" in sys.argv:
        with open(TABLE, "w") as out:
            out.writelines("\t".join(columns) + "\n" for _, columns in lines)
    print(f"{sum(tally.values())} selections ({len(distinct)} different texts):", tally)
    return 1 if failures else 0


sys.exit(main())
