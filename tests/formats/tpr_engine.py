"""Lets GROMACS judge what autosim makes of TPR files, and compares the potential energy.

usage: tpr_engine.py TPR_TOOL DEFAULT_DATA. Exit 77: there is no gmx.
AUTOSIM_TEST_DATA, where set, names the folder of large files.

grompp writes small systems with every feature that has its own place in a TPR. Each is
read, patched, and the text of `gmx dump` before and after may differ only in what was
asked. Then mdrun runs patched copies, from which temperature and energies are checked.
"""
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tpr_systems import (BETWEEN_MOLECULES, FEATURES, MIXED_ITP, MIXED_SYSTEM, TRIANGLE,
                         mixed_gro)

TOOL = os.path.abspath(sys.argv[1])
failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED:", what)


def run(*command, **options):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True,
                          **options)


def grompp(gmx, folder, name, mdp):
    (folder / f"{name}.mdp").write_text(mdp)
    done = run(gmx, "-quiet", "grompp", "-f", f"{name}.mdp", "-c", "c.gro", "-r", "c.gro",
               "-p", "topol.top", "-n", "index.ndx", "-o", f"{name}.tpr", "-maxwarn", 20,
               "-po", f"{name}.out.mdp", cwd=folder)
    if done.returncode:
        print(done.stderr[-3000:])
    check(done.returncode == 0, f"{gmx} grompp {name}")
    return done.returncode == 0


def dump(gmx, folder, name):
    return run(gmx, "-quiet", "dump", "-s", name, cwd=folder).stdout.splitlines()


def parameter(lines, key):
    for line in lines:
        left, _, right = line.partition("=")
        if left.strip() == key:
            return right.strip()
    return None


ASKED = ("nsteps ", "ld-seed", "continuation ", "x[", "v[", "bV ", "box[", "vectors",
         "x (", "v (", "v: not available", "file", "sizeOfTprBody")


def compare_dumps(before, after, name):
    def rest(lines):
        return [l for l in lines if not l.strip().startswith(ASKED)
                and not l.startswith(("z.tpr", name))]
    a, b = rest(before), rest(after)
    check(len(a) > 50 and a == b, f"{name}: gmx dump differs beyond what was asked: "
          f"{[(x, y) for x, y in zip(a, b) if x != y][:3]} {len(a)} {len(b)}")


def check_feature(gmx, folder, name, mdp):
    if not grompp(gmx, folder, name, mdp):
        return
    done = run(TOOL, "dump", f"{name}.tpr", cwd=folder)
    check(done.returncode == 0, f"{gmx} {name}: reading: {done.stderr}")
    if done.returncode:
        return
    fields = done.stdout.splitlines()[1].removeprefix("run ").split("|")
    before = dump(gmx, folder, f"{name}.tpr")
    check(fields[1] == parameter(before, "nsteps"), f"{name}: nsteps")
    check(math.isclose(float.fromhex(fields[2]), float(parameter(before, "dt")),
                       rel_tol=1e-5), f"{name}: dt")
    check(fields[3] == parameter(before, "ld-seed"), f"{name}: ld-seed")
    shown = parameter(before, "integrator")
    check(fields[0] == shown, f"{name}: integrator {fields[0]} is not {shown}")
    done = run(TOOL, "patch", f"{name}.tpr", "z.tpr", 4321, -17, 5, 300, 0.125,
               cwd=folder)
    check(done.returncode == 0, f"{name}: patching: {done.stderr}")
    if done.returncode:
        return
    after = dump(gmx, folder, "z.tpr")
    check(parameter(after, "nsteps") == "4321", f"{name}: patched nsteps")
    check(parameter(after, "ld-seed") == "-17", f"{name}: patched ld-seed")
    check(parameter(after, "continuation") == "false", f"{name}: patched continuation")
    check(parameter(after, "bV") == "present", f"{name}: velocities present")
    old = [l for l in before if l.strip().startswith("x[")]
    new = [l for l in after if l.strip().startswith("x[")]
    check(len(old) == len(new) > 0, f"{name}: coordinates")
    numbers = lambda l: [float(w) for w in l.split("{")[1].strip("}").split(",")]
    check(all(abs(q - p - 0.125) < 1e-4 for l, m in zip(old, new)
              for p, q in zip(numbers(l), numbers(m))), f"{name}: patched coordinates")
    compare_dumps(before, after, name)


def check_types(gmx, folder):
    """Atoms and parameters of the mixed system as GROMACS shows them."""
    text = run(TOOL, "dump", "plain.tpr", cwd=folder).stdout.splitlines()
    atoms = [l.removeprefix("atom ").split("|") for l in text if l.startswith("atom ")]
    masses = [l for l in dump(gmx, folder, "plain.tpr") if "ptype=" in l]
    check(len(masses) == 25 + 3, "atoms of the molecule types")
    # The dump lists molecule types; the system is two MIX of 25 atoms, then water.
    for atom, line in zip(atoms[:25] + atoms[50:53], masses):
        def shown(key):
            return float(line.split(key + "=")[1].split(",")[0].strip("}"))
        check(math.isclose(float.fromhex(atom[8]), shown(" m"), rel_tol=1e-5) and
              math.isclose(float.fromhex(atom[9]), shown(" q"), rel_tol=1e-5) and
              int(atom[7]) == int(shown("atomnumber")), f"atom {atom} against {line}")


def make_folder(root, name, gro, top, index):
    folder = root / name
    folder.mkdir()
    (folder / "c.gro").write_text(gro)
    (folder / "topol.top").write_text(top)
    (folder / "index.ndx").write_text(index)
    return folder


def index_of(groups):
    return "".join(f"[ {k} ]\n{' '.join(map(str, v))}\n" for k, v in groups.items())


def bonds_of(folder, name):
    text = run(TOOL, "dump", name, cwd=folder).stdout.splitlines()
    return {tuple(l.split()[1:]) for l in text if l.startswith("bond ")}


def check_mixed(gmx, root):
    """Every kind of bonded interaction. `gmx dump` of 2022 stops at virtual sites of type
    2fd, so they are in a variant that it is not asked about."""
    gro = mixed_gro()
    atoms = int(gro.splitlines()[1])
    index = index_of({"System": range(1, atoms + 1)})
    shown_itp = MIXED_ITP.replace("19 1 2 2 0.05", "19 1 2 1 0.05")
    mixed = make_folder(root, f"{gmx}-mixed", gro, MIXED_ITP + MIXED_SYSTEM, index)
    if grompp(gmx, mixed, "plain", FEATURES["plain"]):
        done = run(TOOL, "patch", "plain.tpr", "z.tpr", 1, 2, 3, 300, 0, cwd=mixed)
        check(done.returncode == 0, f"mixed: {done.stderr}")
    shown = make_folder(root, f"{gmx}-shown", gro, shown_itp + MIXED_SYSTEM, index)
    check_feature(gmx, shown, "plain", FEATURES["plain"])
    check_types(gmx, shown)
    with tempfile.TemporaryDirectory() as apart:
        joined = make_folder(pathlib.Path(apart), "joined", gro,
                             shown_itp + MIXED_SYSTEM + BETWEEN_MOLECULES, index)
        check_feature(gmx, joined, "plain", FEATURES["plain"])
        check(bonds_of(joined, "plain.tpr") ==
              bonds_of(shown, "plain.tpr") | {("0", "25")}, "bond between molecules")


def last_energy(gmx, folder, name):
    run(gmx, "-quiet", "energy", "-f", f"{name}.edr", "-o", f"{name}.xvg", cwd=folder,
        input="Potential\n")
    rows = [l.split() for l in (folder / f"{name}.xvg").read_text().splitlines()
            if l[0] not in "#@"]
    return float(rows[-1][0]), float(rows[-1][1]), len(rows)


def first_temperature(gmx, folder, name, seed):
    """Of a run of a patched copy that starts with velocities of 300 K; None: it failed."""
    done = run(TOOL, "patch", name, "p.tpr", 2, seed, seed, 300, 0, cwd=folder)
    check(done.returncode == 0, f"patching {name}: {done.stderr}")
    done = run(gmx, "-quiet", "mdrun", "-s", "p.tpr", "-deffnm", "p", "-ntmpi", 1,
               "-ntomp", 1, "-pin", "off", cwd=folder)
    check(done.returncode == 0, f"mdrun of a patched copy: {done.stderr[-600:]}")
    if done.returncode:
        return None
    run(gmx, "-quiet", "energy", "-f", "p.edr", "-o", "t.xvg", cwd=folder,
        input="Temperature\n")
    rows = [l.split() for l in (folder / "t.xvg").read_text().splitlines()
            if l[0] not in "#@"]
    return float(rows[0][1])


def check_temperature(gmx, folder, name, count):
    """mdrun constrains the start and projects the velocities (continuation is cleared), so
    that the mean is the temperature asked for, over the degrees of freedom it counts."""
    kelvin = [first_temperature(gmx, folder, name, seed) for seed in range(1, count + 1)]
    if None in kelvin:
        return
    mean = sum(kelvin) / count
    freedom = float(next(l.split()[-1] for l in dump(gmx, folder, name)
                         if l.strip().startswith("nrdf")))
    # A temperature of Nf degrees of freedom has the relative spread sqrt(2/Nf).
    sigma = 300 * math.sqrt(2 / freedom / count)
    print(f"{gmx} {name}: first temperature {mean:.1f} K of 300 K, {freedom:.0f} degrees "
          f"of freedom, sigma {sigma:.1f} K")
    check(abs(mean - 300) < 4 * sigma, f"first temperature of {name}")


def check_constrained(root):
    """Alanine dipeptide with constrained bonds, of the test data."""
    data = pathlib.Path(os.environ.get("AUTOSIM_TEST_DATA") or sys.argv[2])
    system = data / "ala" / "system-2022.tpr"
    if not system.exists() or not shutil.which("gmx"):
        print(f"skipped: no {system.name} below AUTOSIM_TEST_DATA")
        return
    folder = root / "constrained"
    folder.mkdir()
    shutil.copyfile(system, folder / system.name)
    check_temperature("gmx", folder, system.name, 24)


def check_runs(gmx, folder):
    """Patched copies run; the energy file of one is read as `gmx energy` reads it."""
    mdp = ("integrator=md\nnsteps=10\ndt=0.001\nnstenergy=1\nnstcalcenergy=1\n"
           "cutoff-scheme=Verlet\nrcoulomb=0.9\nrvdw=0.9\ncomm-mode=linear\n"
           "tcoupl=no\ntc-grps=System\ntau-t=0.5\nref-t=300\n"
           "nstlist=10\nverlet-buffer-tolerance=-1\nrlist=1.0\n")
    if not grompp(gmx, folder, "run", mdp):
        return
    check_temperature(gmx, folder, "run.tpr", 12)
    time, potential, frames = last_energy(gmx, folder, "p")
    step, found_time, found_frames, found, torn, _ = run(
        TOOL, "energy", "p.edr", cwd=folder).stdout.split()
    check(int(step) == 2 and int(found_frames) == frames and torn == "0", "frames of edr")
    check(math.isclose(float(found_time), time, abs_tol=1e-6), "time of the last frame")
    check(math.isclose(float(found), potential, rel_tol=1e-5, abs_tol=1e-5),
          f"potential {found} is not {potential}")


def main():
    engines = [g for g in ("gmx", "gmx_d") if shutil.which(g)]
    if not engines:
        print("skipped: there is no gmx")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        check_constrained(root)
        for gmx in engines:
            atoms = 3 * TRIANGLE["molecules"]
            groups = {"System": range(1, atoms + 1),
                      "G1": range(1, 4), "G2": range(4, 7), "G3": range(7, 10),
                      "G4": range(10, 13), "Rest": range(13, atoms + 1),
                      "NotG1": range(4, atoms + 1)}
            folder = make_folder(root, f"{gmx}-triangle", TRIANGLE["gro"],
                                 TRIANGLE["top"], index_of(groups))
            for name, mdp in FEATURES.items():
                check_feature(gmx, folder, name, mdp)
            check_runs(gmx, folder)
            check_mixed(gmx, root)
            peer = run(sys.executable, pathlib.Path(__file__).parents[1] / "peer" /
                       "tpr_mdanalysis.py", TOOL, root,
                       env={**os.environ, "AUTOSIM_TEST_DATA": str(root)})
            check(peer.returncode in (0, 77), f"MDAnalysis: {peer.stdout[-2000:]}")
    print(f"{len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
