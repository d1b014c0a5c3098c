"""Umbrella windows by GROMACS' own pull code, for systems of a few atoms whose profile is
known."""
import os
import subprocess

TEMPERATURE = 310
MDP = """integrator = sd
dt = {dt}
nsteps = {nsteps}
nstlog = 0
nstenergy = 0
nstcalcenergy = 100
tc-grps = system
tau-t = 0.2
ref-t = {temperature}
ld-seed = {seed}
gen-vel = yes
gen-temp = {temperature}
gen-seed = {seed}
cutoff-scheme = verlet
verlet-buffer-tolerance = -1
rlist = 1
rcoulomb = 1
rvdw = 1
comm-mode = none
pull = yes
pull-ncoords = 1
pull-coord1-type = umbrella
pull-coord1-start = no
pull-nstxout = {interval}
pull-nstfout = {interval}
{pull}
"""


def write(folder, name, text):
    with open(os.path.join(folder, name), "w") as out:
        out.write(text)


def groups(names):
    """Settings for one pull group an atom."""
    return f"pull-ngroups = {len(names)}\n" + "".join(
        f"pull-group{i + 1}-name = {name}\n" for i, name in enumerate(names))


def simulate(folder, conf, topology, names, windows, dt, nsteps, interval=50, run=True):
    """Windows w00, w01, ...: `windows` has the settings of the pull coordinate of each,
    `names` the group of each atom. Also the lists tpr.dat, pullx.dat and pullf.dat.
    Without `run` only run inputs. Returns the names of the windows."""
    def gmx(*arguments):
        subprocess.run(["gmx", *arguments], cwd=folder, check=True, capture_output=True)

    write(folder, "conf.gro", conf)
    write(folder, "topol.top", topology)
    write(folder, "index.ndx",
          f"[ system ]\n{' '.join(str(i + 1) for i in range(len(names)))}\n" +
          "".join(f"[ {name} ]\n{i + 1}\n" for i, name in enumerate(names)))
    files = [f"w{k:02d}" for k in range(len(windows))]
    for k, name in enumerate(files):
        write(folder, "w.mdp", MDP.format(
            dt=dt, nsteps=nsteps, temperature=TEMPERATURE, seed=k + 1, interval=interval,
            pull=groups(names) + windows[k]))
        gmx("grompp", "-f", "w.mdp", "-c", "conf.gro", "-p", "topol.top", "-n",
            "index.ndx", "-o", name + ".tpr", "-maxwarn", "3")
        if run:
            gmx("mdrun", "-deffnm", name, "-ntmpi", "1", "-ntomp", "1", "-pin", "off")
    for listed, ending in (("tpr", ".tpr"), ("pullx", "_pullx.xvg"),
                           ("pullf", "_pullf.xvg")):
        write(folder, listed + ".dat", "".join(name + ending + "\n" for name in files))
    return files
