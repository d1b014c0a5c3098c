"""Patched copies of TPR files of many versions, judged by every GROMACS that is here.

usage: tpr_versions.py TPR_TOOL DEFAULT_DATA. Exit 77: there is no gmx, or no data.
AUTOSIM_TEST_DATA, where set, names the folder of large files; AUTOSIM_SECOND_GMX, or
AUTOSIM_SECOND_GMX_DEFAULT, another gmx (see scripts/second-gromacs.sh).

Of a TPR of each version, the text of `gmx dump` before and after is compared line by
line: what was asked has changed, to what was asked, and nothing else has. These files
have the group cut-off scheme, which mdrun lost in 2020; so systems that each gmx makes
with its own grompp are patched and run, by itself and by every newer one.
"""
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOOL = os.path.abspath(sys.argv[1])
SOURCE = pathlib.Path(__file__).resolve().parents[2]
STEPS, SEED, SHIFT, BOX, KELVIN = 20, 4711, 0.125, 1.25, 300
failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED:", what)


def run(*command, **options):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, **options)


def engines():
    """Pairs of year and program, the oldest first."""
    second = os.environ.get("AUTOSIM_SECOND_GMX",
                            os.environ.get("AUTOSIM_SECOND_GMX_DEFAULT", ""))
    found = {}
    for program in (shutil.which("gmx"), second):
        if program and os.access(program, os.X_OK):
            version = run(program, "--version").stdout
            found[int(re.search(r"GROMACS version:\s+(\d{4})", version).group(1))] = program
    return sorted(found.items())


def patch(folder, original, copy, seed=SEED, box=BOX):
    done = run(TOOL, "patch", original, copy, STEPS, seed, 5, KELVIN, SHIFT, box,
               cwd=folder)
    check(done.returncode == 0, f"{original}: patching: {done.stderr}")
    return done.returncode == 0


def vector_of(line):
    return [float(word) for word in line.split("{")[1].strip("} \n").split(",")]


CHANGED = re.compile(r"\s*(x|v|box)\[")
ASKED = {"nsteps": str(STEPS), "ld-seed": str(SEED), "continuation": "false",
         "bV": "present"}


class Dump:
    """What `gmx dump -s` shows: vectors, what may change, and all other lines."""

    def __init__(self, program, folder, name):
        self.vectors = {"x": [], "v": [], "box": []}
        self.asked, self.other = {}, []
        # The file's own name is in the text: the same for all.
        shutil.copyfile(folder / name, folder / "shown.tpr")
        done = run(program, "-quiet", "dump", "-s", "shown.tpr", cwd=folder)
        self.readable, self.error = done.returncode == 0, done.stderr
        for line in done.stdout.splitlines():
            found = CHANGED.match(line)
            key = line.split("=")[0].strip()
            if found:
                self.vectors[found.group(1)].append(vector_of(line))
            elif key in ASKED:
                self.asked[key] = line.split("=")[1].strip()
            elif not line.strip().startswith(("sizeOfTprBody", "x (", "v (", "v: not")):
                self.other.append(line)


def largest(a, b, change):
    return max(abs(change(p) - q) for u, w in zip(a, b) for p, q in zip(u, w))


def compare(before, after, what):
    check(after.readable, f"{what}: the patched copy: {after.error[-400:]}")
    if not after.readable:
        return
    check(len(before.other) > 100 and before.other == after.other,
          f"{what}: more than what was asked has changed: "
          f"{[d for d in zip(before.other, after.other) if d[0] != d[1]][:3]}")
    check(after.asked == ASKED, f"{what}: {after.asked}")
    old, new = before.vectors, after.vectors
    check(len(old["x"]) == len(new["x"]) == len(new["v"]) > 0 and
          largest(old["x"], new["x"], lambda x: x + SHIFT) < 1e-4,
          f"{what}: positions")
    check(len(old["box"]) == len(new["box"]) == 3 and
          largest(old["box"], new["box"], lambda x: x * BOX) < 1e-4, f"{what}: box")


def check_versions(root, data, programs):
    for original in sorted(data.glob("2lyz_gmx_*.tpr")):
        shutil.copyfile(original, root / "original.tpr")
        if not patch(root, "original.tpr", "patched.tpr"):
            continue
        readers = []
        for year, program in programs:
            before = Dump(program, root, "original.tpr")
            if not before.readable:
                check("Reading file" not in before.error or "version" in before.error,
                      f"{original.name}: {before.error[-400:]}")
                continue
            compare(before, Dump(program, root, "patched.tpr"),
                    f"{original.name} shown by {year}")
            readers.append(year)
        check(readers, f"no GROMACS reads {original.name}")
        print(f"{original.name}: shown by GROMACS",
              " and ".join(map(str, readers)))


def prepare(folder, program, source, mdp, start):
    """system.tpr, with positions and velocities of every tenth step in system.trr."""
    shutil.copyfile(source / "topol.top", folder / "topol.top")
    shutil.copyfile(source / start, folder / "start.gro")
    text = (source / mdp).read_text() + "\n"
    names = ("nstxout", "nstvout", "nstenergy", "nstcalcenergy")
    text = "".join(line for line in text.splitlines(True)
                   if line.split("=")[0].strip().replace("_", "-") not in names)
    (folder / "md.mdp").write_text(text + "".join(f"{name} = 10\n" for name in names))
    done = run(program, "-quiet", "grompp", "-f", "md.mdp", "-c", "start.gro", "-p",
               "topol.top", "-o", "system.tpr", "-maxwarn", 5, cwd=folder)
    check(done.returncode == 0, f"grompp in {folder.name}: {done.stderr[-600:]}")
    return done.returncode == 0


def simulate(program, folder, name):
    """Frames of the run: step, box, positions, velocities; and its log."""
    done = run(program, "-quiet", "mdrun", "-deffnm", name, "-ntmpi", 1, "-ntomp", 1,
               "-pin", "off", cwd=folder, timeout=120)
    check(done.returncode == 0, f"mdrun of {folder.name}/{name}: {done.stderr[-600:]}")
    if done.returncode:
        return None, None
    text = run(program, "-quiet", "dump", "-f", f"{name}.trr", cwd=folder).stdout
    frames = []
    for part in re.split(r"^\S*\.trr frame \d+:", text, flags=re.M)[1:]:
        frame = {"step": int(re.search(r"step=\s*(\d+)", part).group(1))}
        for key in ("box", "x", "v"):
            frame[key] = [vector_of(line) for line in part.splitlines()
                          if line.strip().startswith(key + "[")]
        frames.append(frame)
    return frames, (folder / f"{name}.log").read_text()


def check_run(program, folder, constrained, what):
    """mdrun starts from the positions, velocities and box of the patched copy."""
    start = Dump(program, folder, "patched.tpr").vectors
    frames, log = simulate(program, folder, "patched")
    if frames is None:
        return
    first = frames[0]
    check([frame["step"] for frame in frames] == [0, 10, STEPS], f"{what}: steps")
    for key in ("x", "v", "box"):
        check(len(first[key]) == len(start[key]) > 0, f"{what}: {key} of the first frame")
    difference = largest(start["x"], first["x"], float)
    # Constraints move the positions by less than a bond's error, and turn velocities.
    check(difference < (0.01 if constrained else 1e-5), f"{what}: x by {difference}")
    check(largest(start["box"], first["box"], float) < 1e-5, f"{what}: box")
    turned = largest(start["v"], first["v"], float)
    asked = [v for row in start["v"] for v in row]
    found = [v for row in first["v"] for v in row]
    size = max(map(abs, asked))
    check(constrained or turned < 1e-4 * size, f"{what}: v by {turned} of {size}")
    together = sum(p * q for p, q in zip(asked, found))
    check(together > 0.5 * math.sqrt(sum(p * p for p in asked) *
                                     sum(q * q for q in found)) > 0,
          f"{what}: velocities")
    for name, value in (("nsteps", STEPS), ("ld-seed", SEED), ("continuation", "false")):
        check(re.search(rf"^ *{name} *= {value}$", log, re.M), f"{what}: {name} in the log")
    # The seed of the thermostat is another number of its own.
    patch(folder, "system.tpr", "other.tpr", seed=SEED + 1)
    other, _ = simulate(program, folder, "other")
    check(other and other[0]["v"] == first["v"] and other[-1]["x"] != frames[-1]["x"],
          f"{what}: another seed, the same start")
    print(f"{what}: the first frame is the start asked for; x within {difference:.0e} nm"
          + ("" if constrained else f", v within {turned:.0e} nm/ps"))


def check_runs(root, data, programs):
    systems = [("triatomic", SOURCE / "tests" / "reference" / "triatomic", "md.mdp",
                "c.gro", False), ("alanine", data / "ala", "md.mdp", "em.gro", True)]
    for name, source, mdp, start, constrained in systems:
        if not (source / "topol.top").exists():
            print(f"skipped: {name}: no {source.name}/topol.top below AUTOSIM_TEST_DATA")
            continue
        for year, program in programs:
            folder = root / f"{name}-{year}"
            folder.mkdir()
            if not (prepare(folder, program, source, mdp, start) and
                    patch(folder, "system.tpr", "patched.tpr")):
                continue
            compare(Dump(program, folder, "system.tpr"),
                    Dump(program, folder, "patched.tpr"), f"{name} of {year}")
            for newer, runner in programs:
                if newer >= year:
                    check_run(runner, folder, constrained,
                              f"{name} of {year} run by {newer}")


def main():
    programs = engines()
    if not programs:
        print("skipped: there is no gmx")
        sys.exit(77)
    data = pathlib.Path(os.environ.get("AUTOSIM_TEST_DATA") or sys.argv[2])
    if len(programs) == 1:
        print("one GROMACS only: scripts/second-gromacs.sh FOLDER makes another, "
              "AUTOSIM_SECOND_GMX=FOLDER/gmx names it")
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        check_runs(root, data, programs)
        if not list((data / "tpr").glob("2lyz_gmx_*.tpr")):
            print("skipped: no tpr/2lyz_gmx_*.tpr below AUTOSIM_TEST_DATA")
        check_versions(root, data / "tpr", programs)
    print(f"{len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
