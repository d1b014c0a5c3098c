"""What the whole-program tests share: programs, simulations to start from, running."""
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIP = 77


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)


def need_gmx():
    if not shutil.which("gmx"):
        skip("there is no gmx on the PATH; Debian's package gromacs has it")


def gmx_with_colvars():
    """$AUTOSIM_SECOND_GMX (see scripts/second-gromacs.sh), or gmx on the PATH where it is
    new enough."""
    second = os.environ.get("AUTOSIM_SECOND_GMX",
                            os.environ.get("AUTOSIM_SECOND_GMX_DEFAULT"))
    if second and os.access(second, os.X_OK):
        return second
    if shutil.which("gmx"):
        text = run(["gmx", "--version"]).stdout
        year = re.search(r"GROMACS version:\s+(\d{4})", text)
        if year and int(year.group(1)) >= 2024:
            return shutil.which("gmx")
    skip("no GROMACS with Colvars: scripts/second-gromacs.sh FOLDER makes one, "
         "AUTOSIM_SECOND_GMX=FOLDER/gmx names it")


def workdir():
    """A folder that is removed at the end, unless the test fails."""
    return tempfile.mkdtemp(prefix="autosim-test-")


def run(command, cwd=None, check=True, timeout=600, env=None):
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True,
                          errors="replace",
                          stdin=subprocess.DEVNULL, timeout=timeout,
                          env={**os.environ, **(env or {})})
    if check and done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n"
                 f"{done.stdout}\n{done.stderr}")
    return done


def mdrun(folder, name):
    run(["gmx", "mdrun", "-deffnm", name, "-ntmpi", "1", "-ntomp", "1", "-pin", "off"],
        cwd=folder)


def set_mdp(path, **values):
    """Replaces settings of an .mdp file; `_` in names stands for `-`."""
    names = {key.replace("_", "-"): value for key, value in values.items()}
    lines = [line for line in open(path)
             if line.split("=")[0].strip() not in names]
    with open(path, "w") as out:
        out.writelines(lines)
        out.writelines(f"{name} = {value}\n" for name, value in names.items())


def simulate_alanine(folder, picoseconds, frame_ps):
    """Alanine dipeptide in vacuum as in the demo: unbiased.tpr and unbiased.xtc."""
    example = os.path.join(SOURCE, "examples", "alanine")
    for name in ("alanine.pdb", "minimise.mdp", "unbiased.mdp"):
        shutil.copy(os.path.join(example, name), folder)
    set_mdp(os.path.join(folder, "unbiased.mdp"), nsteps=int(picoseconds / 0.002),
            nstxout_compressed=int(frame_ps / 0.002))
    run(["gmx", "pdb2gmx", "-f", "alanine.pdb", "-o", "start.gro", "-ff",
         "amber99sb-ildn", "-water", "none"], cwd=folder)
    run(["gmx", "editconf", "-f", "start.gro", "-o", "box.gro", "-c", "-box", "2.87"],
        cwd=folder)
    run(["gmx", "grompp", "-f", "minimise.mdp", "-c", "box.gro", "-o", "minimise.tpr"],
        cwd=folder)
    mdrun(folder, "minimise")
    run(["gmx", "grompp", "-f", "unbiased.mdp", "-c", "minimise.gro", "-o",
         "unbiased.tpr"], cwd=folder)
    mdrun(folder, "unbiased")


def simulate_triatomic(folder, nsteps):
    """Three atoms with a double-well angle: tri.tpr and tri.xtc."""
    source = os.path.join(SOURCE, "tests", "reference", "triatomic")
    for name in ("c.gro", "md.mdp", "topol.top"):
        shutil.copy(os.path.join(source, name), folder)
    set_mdp(os.path.join(folder, "md.mdp"), nsteps=nsteps)
    run(["gmx", "grompp", "-f", "md.mdp", "-c", "c.gro", "-p", "topol.top", "-o",
         "tri.tpr"], cwd=folder)
    mdrun(folder, "tri")


def write_triatomic_frames(path):
    """200 frames of three atoms whose angle opens and closes, as a GRO file."""
    noise = random.Random(1)
    frames = []
    for step in range(200):
        half = math.radians(50 + 10 * math.sin(step / 5)) + noise.gauss(0, 0.02)
        bond = [0.15 + noise.gauss(0, 0.001) for _ in range(2)]
        atoms = [(2 - bond[0] * math.sin(half), 2 + bond[0] * math.cos(half)), (2, 2),
                 (2 + bond[1] * math.sin(half), 2 + bond[1] * math.cos(half))]
        frames.append(f"three atoms t= {step:.1f} step= {step}\n    3\n" + "".join(
            f"    1TRI     A{i + 1}    {i + 1}{x:10.5f}{y:10.5f}{2:10.5f}\n"
            for i, (x, y) in enumerate(atoms)) + "   4.00000   4.00000   4.00000\n")
    with open(path, "w") as out:
        out.write("".join(frames))
