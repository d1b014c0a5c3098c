"""python -m autosim_core.example_hpc_usage [FOLDER]

1. makes a synthetic trajectory in memory and extracts its principal components,
2. simulates a molecule of three atoms with GROMACS and extracts its components,
3. runs one umbrella window, then a batch of them, while the event loop goes on,
4. shows how fast it all was.
"""
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from .autosim_hpc_orchestrator import (AutosimError, UmbrellaWindowConfig,
                                       execute_autosim_batch,
                                       extract_reaction_coordinates,
                                       launch_umbrella_window,
                                       print_window_status_table)

STRUCTURE = """tri
3
    1TRI     A1    1   1.800   2.000   2.000
    1TRI     A2    2   2.100   2.000   2.000
    1TRI     A3    3   2.100   2.300   2.000
   4.0 4.0 4.0
"""
TOPOLOGY = """[ defaults ]
1 2 no 1.0 1.0
[ atomtypes ]
X 12.0 0.0 A 0.3 0.0
[ moleculetype ]
TRI 3
[ atoms ]
1 X 1 TRI A1 1 0.0 12.0
2 X 1 TRI A2 1 0.0 12.0
3 X 1 TRI A3 1 0.0 12.0
[ bonds ]
1 2 1 0.30 20000
2 3 1 0.30 20000
[ angles ]
; th0(deg) C0 C1 C2 C3 C4 : double well +-0.5 rad, barrier 12 kJ/mol at 105 deg
1 2 3 6 105.0 12.0 0.0 -96.0 0.0 192.0
[ system ]
tri
[ molecules ]
TRI 1
"""
PARAMETERS = """integrator=sd
dt=0.004
nsteps=100000
nstxout-compressed=100
compressed-x-precision=10000
nstlog=0
nstenergy=0
nstcalcenergy=1000
tc-grps=System
tau-t=0.5
ref-t=300
constraints=none
cutoff-scheme=Verlet
coulombtype=cut-off
rcoulomb=1.0
rvdw=1.0
comm-mode=linear
gen-vel=yes
gen-temp=300
"""


def synthetic_universe(n_frames=1000, n_atoms=200):
    """Alpha carbons that open and close like a hinge, with noise."""
    import MDAnalysis as mda
    from MDAnalysis.coordinates.memory import MemoryReader
    generator = np.random.default_rng(1)
    universe = mda.Universe.empty(n_atoms, n_residues=n_atoms,
                                  atom_resindex=np.arange(n_atoms), trajectory=False)
    universe.add_TopologyAttr("name", ["CA"] * n_atoms)
    universe.add_TopologyAttr("resname", ["ALA"] * n_atoms)
    rest = np.cumsum(generator.normal(scale=2.2, size=(n_atoms, 3)), axis=0)
    hinge = np.zeros((n_atoms, 3))
    hinge[n_atoms // 2:, 0] = np.linspace(0, 1, n_atoms - n_atoms // 2)
    opening = 10 * np.sin(np.arange(n_frames) / 40)
    frames = (rest + opening[:, None, None] * hinge
              + generator.normal(scale=0.3, size=(n_frames, n_atoms, 3)))
    universe.load_new(frames.astype(np.float32), format=MemoryReader)
    return universe


def simulate(folder):
    """A short run without bias: system.tpr and trajectory.xtc."""
    (folder / "conf.gro").write_text(STRUCTURE)
    (folder / "topol.top").write_text(TOPOLOGY)
    (folder / "run.mdp").write_text(PARAMETERS)
    for command in (["grompp", "-f", "run.mdp", "-c", "conf.gro", "-p", "topol.top",
                     "-o", "system.tpr"],
                    ["mdrun", "-s", "system.tpr", "-x", "trajectory.xtc", "-ntmpi", "1",
                     "-ntomp", "1", "-pin", "off"]):
        done = subprocess.run(["gmx", *command], cwd=folder, capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr)


async def ticker(delays):
    """How late the event loop is: 10 ms, again and again."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.01)
        delays.append(time.monotonic() - before - 0.01)


async def windows(folder, result):
    delays = []
    ticking = asyncio.create_task(ticker(delays))
    config = UmbrellaWindowConfig(window_id=0, pc_vector=result.pc1_eigenvector,
                                  force_constant=1000.0, center_position=0.0,
                                  nsteps=50000)
    single = await launch_umbrella_window(config, folder / "system.tpr",
                                          folder / "single", num_threads=1)
    print(f"Window {single.window_id}: {single.status}, {single.ns_per_day:.2f} ns/day")
    batch = await execute_autosim_batch(4, max_concurrent_jobs=2, result=result,
                                        topology_file=folder / "system.tpr",
                                        output_dir=folder / "batch", window_ns=0.4)
    ticking.cancel()
    print_window_status_table(batch)
    print(f"The event loop was never late by more than {1000 * max(delays):.1f} ms")


def main():
    import warnings
    import MDAnalysis as mda
    warnings.simplefilter("ignore")
    print("Principal components of 1000 synthetic frames of 200 atoms")
    result = extract_reaction_coordinates(synthetic_universe())
    print(f"PC1 explains {result.variance_explained:.2%} of variance")
    print(f"Computation time: {result.computation_time_ms:.1f} ms\n")
    if not shutil.which("gmx"):
        print("There is no gmx on the PATH: no window is run")
        return
    keep = len(sys.argv) > 1
    folder = Path(sys.argv[1] if keep else tempfile.mkdtemp(prefix="autosim-example-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    try:
        print("A simulation of three atoms without bias")
        simulate(folder)
        universe = mda.Universe(folder / "system.tpr", folder / "trajectory.xtc")
        result = extract_reaction_coordinates(universe, "all")
        print(f"PC1 explains {result.variance_explained:.2%} of the variance of "
              f"{result.n_frames} frames\n")
        print("Umbrella windows along PC1")
        asyncio.run(windows(folder, result))
        if keep:
            print(f"\nThe profile: autosim pmf -C {folder}/batch")
    except AutosimError as error:
        sys.exit(f"autosim: {error}")
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
