#!/usr/bin/env python3
"""The colvars bias with a real GROMACS that has Colvars.

    test_colvars.py AUTOSIM TPR_TOOL

GROMACS: $AUTOSIM_SECOND_GMX (see scripts/second-gromacs.sh), or gmx on the PATH where it
is 2024 or newer. Checked are: the TPR against grompp's own, byte for byte, and the runs
of both; run inputs by grompp (--mdp, --top) against those without; the force on every
atom against differences of the coordinate, also with other fit atoms; a campaign that is killed and goes on; what
happens to a window whose TPR was exchanged; windows of a trajectory that lacks atoms.
"""
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

import common

try:
    import numpy
except ImportError:
    common.skip("numpy is not installed")

NO_PIN = ["-ntmpi", "1", "-ntomp", "1", "-pin", "off"]


def gmx(program, folder, *arguments):
    return common.run([program, "-quiet", *map(str, arguments)], cwd=folder)


def expect(condition, message):
    if not condition:
        sys.exit(message)


def prepare_triatomic(program, folder):
    """tri.tpr and 400 ps of tri.xtc."""
    source = os.path.join(common.SOURCE, "tests", "reference", "triatomic")
    for name in ("c.gro", "md.mdp", "topol.top"):
        shutil.copy(os.path.join(source, name), folder)
    common.set_mdp(os.path.join(folder, "md.mdp"), nsteps=250000, ld_seed=11,
                   gen_seed=12)
    gmx(program, folder, "grompp", "-f", "md.mdp", "-c", "c.gro", "-p", "topol.top",
        "-o", "tri.tpr")
    gmx(program, folder, "mdrun", "-deffnm", "tri", *NO_PIN)


def configuration(folder, campaign, window):
    """bias.colvars of a window, its atoms, and its numbers."""
    path = os.path.join(folder, campaign, "windows", f"{window:03d}", "bias.colvars")
    text = open(path).read()
    def vectors(pattern):
        line = re.search(pattern + r" (\(.*)", text).group(1)
        return numpy.array([[float(x) for x in v.split(",")]
                            for v in re.findall(r"\(([^)]*)\)", line)])
    def scalar(key):
        return float(re.search(key + r" (\S+)", text).group(1))
    return path, {
        "atoms": re.search(r"atomNumbers (.*)", text).group(1).split(),
        "reference": vectors(r"\n {6}refPositions"),
        "mean": vectors(r"\n {4}refPositions"),
        "vector": vectors(r"\n {4}vector"),
        "centre": scalar("centers"),
        "k": scalar("forceConstant"),
    }


def coordinate(x, bias):
    """p of positions in nm: superposition by singular values."""
    x = x - x.mean(axis=0)
    r = bias["reference"] - bias["reference"].mean(axis=0)
    u, _, vt = numpy.linalg.svd(x.T @ r)
    flip = numpy.diag([1, 1, numpy.sign(numpy.linalg.det(u @ vt))])
    y = x @ (u @ flip @ vt)
    return float((bias["vector"] * (y - bias["mean"])).sum())


def gradient(x, bias):
    result = numpy.zeros_like(x)
    for i in range(x.shape[0]):
        for d in range(3):
            step = numpy.zeros_like(x)
            step[i, d] = 1e-5
            result[i, d] = (coordinate(x + step, bias) -
                            coordinate(x - step, bias)) / 2e-5
    return result


def vectors_of(dump, name):
    rows = re.findall(rf"^ +{name}\[ *\d+\]=\{{(.*)\}}", dump, re.M)
    return numpy.array([[float(x) for x in row.split(",")] for row in rows])


def check_against_grompp(program, tool, folder):
    """The bias put into a plain TPR is the TPR that grompp makes with the bias."""
    path, bias = configuration(folder, "autosim", 0)
    shutil.copy(path, os.path.join(folder, "bias.colvars"))
    shutil.copy(os.path.join(folder, "md.mdp"), os.path.join(folder, "colvars.mdp"))
    common.set_mdp(os.path.join(folder, "md.mdp"), nsteps=500, nstfout=500, nstxout=500,
                   nstenergy=100)
    common.set_mdp(os.path.join(folder, "colvars.mdp"), nsteps=500, nstfout=500,
                   nstxout=500, nstenergy=100, colvars_active="yes",
                   colvars_configfile="bias.colvars")
    for name in ("md", "colvars"):
        gmx(program, folder, "grompp", "-f", f"{name}.mdp", "-c", "c.gro", "-p",
            "topol.top", "-o", f"{name}.tpr")
    common.run([tool, "colvars", "md.tpr", "added.tpr", "bias.colvars", "bias.colvars",
                *bias["atoms"]], cwd=folder)
    added, grompps = (open(os.path.join(folder, name), "rb").read()
                      for name in ("added.tpr", "colvars.tpr"))
    expect(added == grompps, "the TPR with the bias differs from grompp's own in "
           f"{sum(a != b for a, b in zip(added, grompps))} bytes")
    for name in ("added", "colvars"):
        gmx(program, folder, "mdrun", "-deffnm", name, *NO_PIN)
    expect(open(os.path.join(folder, "added.colvars.traj")).read() ==
           open(os.path.join(folder, "colvars.colvars.traj")).read(),
           "the two runs gave different colvars.traj")
    expect(first_energies(folder, "added") == first_energies(folder, "colvars"),
           "the first steps have different energies")
    print(f"TPR of {len(added)} bytes, colvars.traj and first energies equal grompp's")


def read(folder, *names):
    return open(os.path.join(folder, *names), "rb").read()


def first_energies(folder, name):
    log = open(os.path.join(folder, name + ".log")).read()
    return re.search(r"Energies \(kJ/mol\)\n((?: .*\n)+)", log).group(1)


def write_split_input(folder):
    """split.mdp and split.top: the same simulation, with a topology that includes from a
    folder of its own and says so by a macro. Both are found from where the user is, not
    from a window's folder."""
    os.mkdir(os.path.join(folder, "parts"))
    molecule, system = open(os.path.join(folder, "topol.top")).read().split("[ system ]")
    with open(os.path.join(folder, "parts", "molecule.itp"), "w") as out:
        out.write(molecule)
    with open(os.path.join(folder, "split.top"), "w") as out:
        out.write('#ifdef TRIATOMIC\n#include "molecule.itp"\n#endif\n[ system ]' + system)
    shutil.copy(os.path.join(folder, "md.mdp"), os.path.join(folder, "split.mdp"))
    common.set_mdp(os.path.join(folder, "split.mdp"), define="-DTRIATOMIC",
                   include="-Iparts")


def check_by_grompp(autosim, program, folder):
    """Run inputs that grompp makes from .mdp and .top are those made without it."""
    def plan(campaign, *arguments, refused=()):
        if not os.path.exists(os.path.join(folder, campaign)):
            common.run([autosim, "pca", "-C", campaign, "tri.tpr", "tri.xtc"], cwd=folder)
        done = common.run([autosim, "plan", "-C", campaign, "--gmx", program, "--ns",
                           "0.05", "--windows", "3", "--seed", "5", *arguments],
                          cwd=folder, check=False)
        expect(done.returncode == (3 if refused else 0) and
               all(word in done.stderr for word in refused),
               f"plan {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
        return done.stderr

    write_split_input(folder)
    plan("injected")
    plan("grompp", "--mdp", "split.mdp", "--top", "split.top")
    for i in range(3):
        path = os.path.join("windows", f"{i:03d}", "window.tpr")
        expect(read(folder, "injected", path) == read(folder, "grompp", path),
               f"window {i}: grompp's run input differs from the one made without it")

    # A group of an index file makes another TPR, which must run alike.
    shutil.copy(os.path.join(folder, "split.mdp"), os.path.join(folder, "group.mdp"))
    common.set_mdp(os.path.join(folder, "group.mdp"), tc_grps="All")
    with open(os.path.join(folder, "own.ndx"), "w") as out:
        out.write("[ All ]\n1 2 3\n")
    group = ["--mdp", "group.mdp", "--top", "split.top"]
    plan("group", *group, refused=["Group All", "grompp.log"])
    plan("group", *group, "--mdp-ndx", "own.ndx")
    for name in ("injected", "group"):
        shutil.copy(os.path.join(folder, name, "windows", "001", "window.tpr"),
                    os.path.join(folder, name + ".tpr"))
        gmx(program, folder, "mdrun", "-deffnm", name, *NO_PIN)
    expect(read(folder, "injected.tpr") != read(folder, "group.tpr"),
           "the group's name is not in grompp's run input")
    expect(read(folder, "injected.colvars.traj") == read(folder, "group.colvars.traj"),
           "grompp's window and the injected one give different colvars.traj")
    expect(first_energies(folder, "injected") == first_energies(folder, "group"),
           "grompp's window and the injected one begin with different energies")

    # What is not the simulation of the TPR, or not accepted by grompp.
    shutil.copy(os.path.join(folder, "md.mdp"), os.path.join(folder, "typo.mdp"))
    common.set_mdp(os.path.join(folder, "typo.mdp"), tau_tt="1")
    typo = ["--mdp", "typo.mdp", "--top", "topol.top"]
    plan("wrong", *typo, refused=["tau-tt", "--maxwarn"])
    expect("tau-tt" in plan("wrong", *typo, "--maxwarn", "1"),
           "a warning that is accepted is not told")
    common.set_mdp(os.path.join(folder, "typo.mdp"), dt=0.002)
    plan("wrong", *typo, "--maxwarn", "1", refused=["time step"])
    text = open(os.path.join(folder, "topol.top")).read()
    with open(os.path.join(folder, "swapped.top"), "w") as out:
        out.write(text.replace("TRI A1", "TRI X").replace("TRI A3", "TRI A1").replace(
            "TRI X", "TRI A3"))
    plan("wrong", "--mdp", "md.mdp", "--top", "swapped.top", "--maxwarn", "1",
         refused=["atom 1 is A3"])
    print("run inputs by grompp equal those made without it, and run alike")


def check_forces(program, tool, folder):
    """Force with the bias less the force without it is -k (p - p0) grad p."""
    _, bias = configuration(folder, "autosim", 0)
    text = open(os.path.join(folder, "bias.colvars")).read()
    open(os.path.join(folder, "weak.colvars"), "w").write(
        re.sub(r"forceConstant \S+", "forceConstant 1e-30", text))
    common.run([tool, "colvars", "md.tpr", "weak.tpr", "c", "weak.colvars",
                *bias["atoms"]], cwd=folder)
    gmx(program, folder, "mdrun", "-deffnm", "weak", *NO_PIN)
    dumps = [gmx(program, folder, "dump", "-f", f"{name}.trr").stdout.split("frame 1")[0]
             for name in ("added", "weak")]
    x = vectors_of(dumps[0], "x")
    applied = vectors_of(dumps[0], "f") - vectors_of(dumps[1], "f")
    p = coordinate(x, bias)
    expected = -bias["k"] * (p - bias["centre"]) * gradient(x, bias)
    size = numpy.linalg.norm(expected)
    error = numpy.linalg.norm(applied - expected) / size
    without_fit = numpy.linalg.norm(
        -bias["k"] * (p - bias["centre"]) * bias["vector"]) / size
    row = open(os.path.join(folder, "added.colvars.traj")).read().splitlines()[1].split()
    expect(abs(float(row[1]) - p) < 2e-6, f"p is {p} nm, Colvars says {row[1]}")
    expect(size > 10, f"a force of {size} kJ/mol/nm shows nothing")
    expect(error < 2e-4, f"relative error of the force {error:.1e}")
    missing = abs(without_fit**2 - 1)**0.5
    expect(missing > 10 * error, f"the frame cannot tell the two forces apart: {missing}")
    print(f"force {size:.0f} kJ/mol/nm: relative error {error:.1e}; without the fit's "
          f"derivative {missing:.1e}")


def first_frame(path):
    """Positions and forces with all their digits, which gmx dump has not: the first frame
    of a TRR file of floats."""
    data = open(path, "rb").read()
    sizes = struct.unpack_from(">13i", data, 24)  # behind magic and "GMX_trn_file"
    at = 24 + 13 * 4 + 8 + sum(sizes[:7])
    arrays = []
    for size in sizes[7:10]:
        arrays.append(numpy.frombuffer(data, ">f4", size // 4, at).astype(float))
        at += size
    return arrays[0].reshape(-1, 3), arrays[2].reshape(-1, 3)


def check_other_fit_atoms(autosim, program, folder):
    """PC1 of ten atoms, superposed by six of them: value and force as Colvars has them
    against those worked out from the analysis alone."""
    if not shutil.which("gmx"):
        print("other fit atoms: not tried, there is no gmx on the PATH to simulate with")
        return
    folder = os.path.join(folder, "alanine")
    os.mkdir(folder)
    common.simulate_alanine(folder, 40, 0.2)
    shutil.copy(os.path.join(folder, "unbiased.mdp"), os.path.join(folder, "forces.mdp"))
    common.set_mdp(os.path.join(folder, "forces.mdp"), nstxout=500, nstfout=500)
    frames = []
    # The window at 1 nm, where no frame comes near: there is a force.
    for name, k in (("stiff", "5000"), ("weak", "1e-6")):
        common.run([autosim, "pca", "-C", name, "unbiased.tpr", "unbiased.xtc", "--align",
                    "name CA C N CB"], cwd=folder)
        common.run([autosim, "plan", "-C", name, "--gmx", program, "--mdp", "forces.mdp",
                    "--top", "topol.top", "--ns", "0.01", "--windows", "2", "--range",
                    "0:1", "--force-constant", k, "--seed", "3"], cwd=folder)
        window = os.path.join(folder, name, "windows", "001")
        shutil.copy(os.path.join(window, "window.tpr"), os.path.join(folder, name + ".tpr"))
        gmx(program, folder, "mdrun", "-deffnm", name, "-nsteps", "0", *NO_PIN)
        frames.append(first_frame(os.path.join(folder, f"{name}.trr")))
    pca = json.load(open(os.path.join(folder, "stiff", "pca", "pca.json")))
    plan = json.load(open(os.path.join(folder, "stiff", "plan.json")))["windows"][1]
    mean, reference, v = (numpy.array(pca[key]).reshape(-1, 3) for key in
                          ("mean_nm", "reference_nm", "pc1_eigenvector"))

    def value(x):
        """p of all atoms' positions."""
        on = x[pca["align_atom_indices"]]
        u, _, vt = numpy.linalg.svd((on - on.mean(axis=0)).T @ reference)
        flip = numpy.diag([1, 1, numpy.sign(numpy.linalg.det(u @ vt))])
        y = (x[pca["atom_indices"]] - on.mean(axis=0)) @ (u @ flip @ vt)
        return float((v * (y - mean)).sum())

    x = frames[0][0]
    applied = frames[0][1] - frames[1][1]
    slope = numpy.zeros_like(x)
    for i, d in numpy.ndindex(*x.shape):
        step = numpy.zeros_like(x)
        step[i, d] = 1e-5
        slope[i, d] = (value(x + step) - value(x - step)) / 2e-5
    p = value(x)
    row = open(os.path.join(folder, "stiff.colvars.traj")).read().splitlines()[1].split()
    expect(abs(float(row[1]) - p) < 2e-6, f"p is {p} nm, Colvars says {row[1]}")
    expected = -plan["force_constant_kj_mol_nm2"] * (p - plan["centre_nm"]) * slope
    size = numpy.linalg.norm(expected)
    error = numpy.linalg.norm(applied - expected) / size
    expect(size > 1000 and error < 2e-4,
           f"other fit atoms: a force of {size} kJ/mol/nm, relative error {error:.1e}")
    print(f"other fit atoms: force {size:.0f} kJ/mol/nm, relative error {error:.1e}")


def window_files(folder):
    windows = os.path.join(folder, "killed", "windows")
    return [os.path.join(windows, name) for name in sorted(os.listdir(windows))]


def check_exchanged_at_restart(autosim, program, folder):
    """The checkpoint of a biased run is not continued with a TPR that has no bias, which
    mdrun would do without a word."""
    window = os.path.join(folder, "killed", "windows", "001")
    planned = read(window, "window.tpr")
    before = read(window, "state.cpt"), read(window, "ener.colvars.traj")
    shutil.copy(os.path.join(folder, "tri.tpr"), os.path.join(window, "window.tpr"))
    done = common.run([autosim, "run", "-C", "killed", "--gmx", program], cwd=folder,
                      check=False)
    expect(done.returncode == 5 and "is not the planned file" in done.stderr,
           f"a TPR exchanged before a restart: exit {done.returncode}\n{done.stderr}")
    expect(before == (read(window, "state.cpt"), read(window, "ener.colvars.traj")),
           "the window was continued with a TPR that is not the planned one")
    with open(os.path.join(window, "window.tpr"), "wb") as out:
        out.write(planned)


def check_killed_campaign(autosim, program, folder):
    # A window takes seconds and a checkpoint is written every 0.6 s: between its first
    # and its end there is time to look, on any machine.
    threads = ["-j", "1", "--ntomp", "1", "--calibrate", "0"]
    command = [autosim, "run", "-C", "killed", "tri.tpr", "tri.xtc", "--ns", "2",
               "--windows", "3", "--bias", "colvars", "--gmx", program, "--cpt", "0.01",
               *threads]
    said = os.path.join(folder, "killed.txt")
    with open(said, "w") as out:
        first = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
    # Windows run one after another: the second is in its course.
    second = os.path.join(folder, "killed", "windows", "001")
    process = os.path.join(second, "attempt-1.process.json")
    awaited = [process, *(os.path.join(second, name)
                          for name in ("ener.colvars.traj", "state.cpt"))]
    deadline = time.monotonic() + 600
    while not all(map(os.path.exists, awaited)):
        expect(first.poll() is None,
               f"the campaign ended before it could be killed: {open(said).read()}")
        expect(time.monotonic() < deadline, "the second window did not start")
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    first.wait()
    record = json.load(open(process))
    for key in ("gmx_pid", "pid"):
        if key in record:
            try:
                os.kill(record[key], signal.SIGKILL)
            except ProcessLookupError:
                pass
    check_exchanged_at_restart(autosim, program, folder)
    done = common.run([autosim, "run", "-C", "killed", "--gmx", program,
                       "--retry-failed", *threads], cwd=folder, check=False)
    expect(done.returncode in (0, 6), f"exit {done.returncode}\n{done.stderr}")
    for window in window_files(folder):
        rows = {line.split()[0]
                for line in open(os.path.join(window, "bias.colvars.traj"))
                if not line.startswith("#")}
        # 500,000 steps of 4 fs, a row every 25; a kill may lose 20 of them.
        expect(20001 - 40 <= len(rows) <= 20001, f"{window}: {len(rows)} samples")
        check = json.load(open(os.path.join(window, "check.json")))
        expect(check["frame_count"] > 50 and check["force_error"] == 0 and
               check["largest_difference_nm"] < check["tolerance_nm"],
               f"{window}: {check}")
    print("a campaign that was killed has all its samples")


def check_exchanged_tpr(autosim, program, folder):
    """A window is never started, nor continued, without the bias of its plan."""
    common.run([autosim, "pca", "-C", "other", "tri.tpr", "tri.xtc"], cwd=folder)
    common.run([autosim, "plan", "-C", "other", "--ns", "0.1", "--windows", "2", "--bias",
                "colvars", "--gmx", program], cwd=folder)
    shutil.copy(os.path.join(folder, "tri.tpr"),
                os.path.join(folder, "other", "windows", "001", "window.tpr"))
    done = common.run([autosim, "run", "-C", "other", "--gmx", program], cwd=folder,
                      check=False)
    expect(done.returncode == 5 and "is not the planned file" in done.stderr,
           f"an exchanged TPR: exit {done.returncode}\n{done.stderr}")
    print("an exchanged TPR is refused")


HEAVY = [1, 5, 6, 7, 9, 11, 15, 16, 17, 19]


def check_lacking_atoms(autosim, program, folder):
    """A trajectory of the heavy atoms only: windows start from the TPR's own coordinates
    and are moved to their centres."""
    example = os.path.join(common.SOURCE, "examples", "alanine")
    for name in ("alanine.pdb", "minimise.mdp", "unbiased.mdp"):
        shutil.copy(os.path.join(example, name), folder)
    common.set_mdp(os.path.join(folder, "unbiased.mdp"), nsteps=100000, ld_seed=5,
                   gen_seed=6, nstxout_compressed=100, compressed_x_grps="heavy")
    with open(os.path.join(folder, "heavy.ndx"), "w") as out:
        for name, atoms in (("heavy", HEAVY), ("System", range(1, 23))):
            out.write(f"[ {name} ]\n{' '.join(map(str, atoms))}\n")
    gmx(program, folder, "pdb2gmx", "-f", "alanine.pdb", "-o", "start.gro", "-p",
        "alanine.top", "-ff", "amber99sb-ildn", "-water", "none")
    gmx(program, folder, "editconf", "-f", "start.gro", "-o", "box.gro", "-c", "-box",
        2.87)
    gmx(program, folder, "grompp", "-f", "minimise.mdp", "-c", "box.gro", "-p",
        "alanine.top", "-o", "minimise.tpr")
    gmx(program, folder, "mdrun", "-deffnm", "minimise", *NO_PIN)
    gmx(program, folder, "grompp", "-f", "unbiased.mdp", "-c", "minimise.gro", "-p",
        "alanine.top", "-n", "heavy.ndx", "-o", "part.tpr")
    gmx(program, folder, "mdrun", "-deffnm", "part", *NO_PIN)
    done = common.run([autosim, "run", "part.tpr", "part.xtc", "-C", "part", "--gmx",
                       program, "--ns", "0.1", "--windows", "4"], cwd=folder, check=False)
    expect(done.returncode in (0, 6), f"exit {done.returncode}\n{done.stderr}")
    campaign = os.path.join(folder, "part")
    plan = json.load(open(os.path.join(campaign, "plan.json")))
    counts = json.load(open(os.path.join(campaign, "pmf", "pmf.json")))["sample_count"]
    expect(plan["steered"], "windows are not steered")
    for window, count in zip(plan["windows"], counts):
        where = os.path.join(campaign, "windows", f"{window['window_id']:03d}")
        steps = round(window["steering_ps"] / plan["dt_ps"])
        expect(steps >= 10000 and window["nsteps"] == 50000 + steps, f"{window}")
        rows = [line.split() for line in open(os.path.join(where, "bias.colvars.traj"))
                if not line.startswith("#")]
        expect(len(rows) == window["nsteps"] // 50 + 1, f"{where}: {len(rows)} samples")
        settled = [float(p) for step, p, _ in rows if int(step) >= steps]
        expect(count <= 0.9 * 1000 + 1, f"{where}: {count} samples count")
        width = (2.494 / window["force_constant_kj_mol_nm2"]) ** 0.5
        off = abs(sum(settled) / len(settled) - window["centre_nm"])
        expect(off < 3 * width, f"{where}: {off} nm off its centre")
        check = json.load(open(os.path.join(where, "check.json")))
        expect(check["frame_count"] > 100, f"{where}: {check}")
    print("windows of a trajectory that lacks atoms are moved to their centres")


def check_older_gromacs(autosim, folder):
    """Windows of a plan are not started by a GROMACS that cannot apply their bias."""
    older = shutil.which("gmx")
    if not older or not re.search(r"GROMACS version:\s+20(1\d|2[0-3])",
                                  common.run([older, "--version"]).stdout):
        print("no GROMACS before 2024 on the PATH: whether it is refused was not seen")
        return
    done = common.run([autosim, "run", "-C", "autosim", "--gmx", older], cwd=folder,
                      check=False)
    expect(done.returncode == 4 and "colvars bias" in done.stderr,
           f"an older GROMACS: exit {done.returncode}\n{done.stderr}")
    print("an older GROMACS is refused")


def main():
    autosim, tool = map(os.path.abspath, sys.argv[1:3])
    program = common.gmx_with_colvars()
    folder = common.workdir()
    prepare_triatomic(program, folder)
    common.run([autosim, "pca", "tri.tpr", "tri.xtc"], cwd=folder)
    common.run([autosim, "plan", "--gmx", program], cwd=folder)
    plan = json.load(open(os.path.join(folder, "autosim", "plan.json")))
    expect(plan["bias"] == "colvars", f"the bias chosen is {plan['bias']}")
    check_older_gromacs(autosim, folder)
    check_by_grompp(autosim, program, folder)
    check_against_grompp(program, tool, folder)
    check_forces(program, tool, folder)
    check_other_fit_atoms(autosim, program, folder)
    check_killed_campaign(autosim, program, folder)
    check_exchanged_tpr(autosim, program, folder)
    check_lacking_atoms(autosim, program, folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
