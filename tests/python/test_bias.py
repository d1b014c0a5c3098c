#!/usr/bin/env python3
"""Every engine of the bias that the command line has, from Python: chosen by what the
GROMACS can do, the windows those of `autosim plan`, checked when they end.

    test_bias.py AUTOSIM

Needs a GROMACS with Colvars, as tests/whole/test_colvars.py.
"""
import asyncio
import json
import os
import shutil
import stat
import sys
import warnings

warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "python"))
import peptide  # noqa: E402
from peptide import common  # noqa: E402

try:
    import MDAnalysis as mda
    import numpy as np
except ImportError as error:
    common.skip(error)

from autosim_core import autosim_hpc_orchestrator as face  # noqa: E402

# A GROMACS that takes -plumed and leaves what a trial run looks for, but applies no bias.
WITHOUT_BIAS = """#!/bin/bash
arguments=()
while [ $# -gt 0 ]; do
    if [ "$1" = -plumed ]; then shift; : >try.colvar; else arguments+=("$1"); fi
    shift
done
case "${arguments[*]}" in *"mdrun -h") echo -plumed;; esac
exec gmx "${arguments[@]}"
"""


def plan_of(folder):
    return json.load(open(os.path.join(folder, "plan.json")))


def config(vector, **fields):
    return face.UmbrellaWindowConfig(**{
        "window_id": 0, "pc_vector": vector, "force_constant": 1000.0,
        "center_position": 0.0, "nsteps": 5000, "seed": 5, **fields})


def launch(window, folder, **options):
    return asyncio.run(face.launch_umbrella_window(
        window, "system.tpr", folder, **{"num_threads": 1, **options}))


def is_checked(result):
    check = json.load(open(result.directory / "check.json"))
    assert check["frame_count"] > 5, check
    assert check["largest_difference_nm"] <= check["tolerance_nm"], check


def raises(kind, words, call):
    try:
        got = call()
    except kind as problem:
        assert all(word in str(problem) for word in words), problem
        return
    raise AssertionError(f"nothing was raised: {got}")


def windows_choose(components, colvars):
    vector = components.pc1_eigenvector
    for wanted, gmx, used in (("auto", colvars, "colvars"), ("colvars", colvars, "colvars"),
                              ("edi", colvars, "edi"), ("auto", "gmx", None)):
        folder = f"one-{wanted}-{used}"
        done = launch(config(vector), folder, bias=wanted, gromacs_binary=gmx)
        assert done.status == "Completed", done
        got = plan_of(f"{folder}/window_000")["bias"]
        assert got == used or (used is None and got in ("edi", "colvars")), (wanted, got)
        is_checked(done)
        log = open(f"{folder}/window_000/autosim_compute.log").read()
        assert f"Bias by {got}: " in log and "PC1 of" in log, log
    raises(face.UsageError, ["'collvars'", "edi, colvars or plumed"],
           lambda: launch(config(vector), "no", bias="collvars"))
    raises(face.UsageError, ["another bias"],
           lambda: launch(config(vector), "one-edi-edi", bias="colvars",
                          gromacs_binary=colvars))
    raises(face.EnvironmentProblem, ["plumed", "PLUMED_KERNEL"],
           lambda: launch(config(vector), "no", bias="plumed", gromacs_binary=colvars))
    assert not os.path.exists("no/window_000/plan.json")


def other_fit_atoms(universe, colvars):
    """Frames superposed on other atoms than are analysed: Colvars alone can do that."""
    components = face.extract_reaction_coordinates(
        universe, "name CA and resid 1:6", "name CA and resid 5:12")
    vector = components.pc1_eigenvector
    done = launch(config(vector), "fit", gromacs_binary=colvars)
    assert done.status == "Completed", done
    is_checked(done)
    assert "fittingGroup" in open(done.directory / "bias.colvars").read()
    plain = dict(pc_vector=np.array(vector), atoms=vector.atoms,
                 mean=np.asarray(vector.mean), reference=vector.reference)
    done = launch(config(None, **plain, align_atoms=vector.align_atoms), "fit-plain",
                  gromacs_binary=colvars)
    assert done.status == "Completed", done
    is_checked(done)
    raises(face.UsageError, ["8 positions", "6"],
           lambda: launch(config(None, **plain), "fit-plain-2"))
    raises(face.InputError, ["edi bias needs the same atoms"],
           lambda: launch(config(vector), "fit-edi", bias="edi"))
    batch = asyncio.run(face.execute_autosim_batch(
        2, 1, result=components, output_dir="fit-batch", window_ns=0.01,
        gromacs_binary=colvars))
    assert [one.status for one in batch] == ["Completed"] * 2, batch
    is_checked(batch[1])


def as_the_program_plans(autosim, components, colvars):
    """The same windows, number by number."""
    batch = asyncio.run(face.execute_autosim_batch(
        3, 2, result=components, output_dir="batch", window_ns=0.01, seed=5,
        gromacs_binary=colvars))
    assert [one.status for one in batch] == ["Completed"] * 3, batch
    for one in batch:
        is_checked(one)
    common.run([autosim, "pca", "system.tpr", "trajectory.xtc", "-C", "program"])
    common.run([autosim, "plan", "--windows", "3", "--ns", "0.01", "--seed", "5",
                "--gmx", colvars, "-C", "program"])
    ours, theirs = plan_of("batch"), plan_of("program")
    assert ours == theirs and ours["bias"] == "colvars", (ours, theirs)
    for name in ("bias.colvars", "window.tpr"):
        assert open(f"batch/windows/001/{name}", "rb").read() == \
            open(f"program/windows/001/{name}", "rb").read(), name


def windows_without_bias_are_refused(components):
    """PLUMED is given one rank; its samples are missed where nothing has written them."""
    with open("gmx-without-bias", "w") as out:
        out.write(WITHOUT_BIAS)
    os.chmod("gmx-without-bias", stat.S_IRWXU)
    done = launch(config(components.pc1_eigenvector), "plumed", bias="plumed",
                  gromacs_binary=os.path.abspath("gmx-without-bias"), num_threads=2,
                  retries=0)
    assert plan_of("plumed/window_000")["bias"] == "plumed"
    assert done.status == "Failed", done
    command = open(done.directory / "cmd.sh").read()
    threads = min(2, len(os.sched_getaffinity(0)))
    assert "-ntmpi 1" in command and f"-ntomp {threads}" in command, command


def main():
    common.need_gmx()
    autosim, colvars = os.path.abspath(sys.argv[1]), common.gmx_with_colvars()
    root = os.path.realpath(common.workdir())
    peptide.simulate(root)
    os.chdir(root)
    universe = mda.Universe("system.tpr", "trajectory.xtc")
    components = face.extract_reaction_coordinates(universe, "protein and name CA")
    windows_choose(components, colvars)
    other_fit_atoms(universe, colvars)
    as_the_program_plans(autosim, components, colvars)
    windows_without_bias_are_refused(components)
    os.chdir("/")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
