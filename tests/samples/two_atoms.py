"""A pull simulation with an exact answer: two atoms on a spring of zero length. Along x
their profile is K/2 x^2 with the spring's K, 200 kJ/mol/nm^2."""
import os
import subprocess

CONF = """two atoms
    2
    1AAA      A    1   2.400   2.500   2.500
    1AAA      B    2   2.600   2.500   2.500
   5.0 5.0 5.0
"""
TOPOLOGY = """[ defaults ]
1 2 no 1 1
[ atomtypes ]
A 10 0 A 0 0
[ moleculetype ]
M 0
[ atoms ]
1 A 1 AAA A 1 0 10
2 A 1 AAA B 2 0 10
[ bonds ]
1 2 1 0.0 200
[ system ]
two atoms
[ molecules ]
M 1
"""
INDEX = "[ system ]\n1 2\n[ a ]\n1\n[ b ]\n2\n"
MDP = """integrator = sd
dt = 0.004
nsteps = {nsteps}
nstlog = 0
nstenergy = 0
nstcalcenergy = 100
tc-grps = system
tau-t = 0.2
ref-t = 310
ld-seed = {seed}
gen-vel = yes
gen-temp = 310
gen-seed = {seed}
cutoff-scheme = verlet
verlet-buffer-tolerance = -1
rlist = 1
rcoulomb = 1
rvdw = 1
comm-mode = none
pull = yes
pull-ngroups = 2
pull-group1-name = a
pull-group2-name = b
pull-ncoords = 1
pull-coord1-groups = 1 2
pull-coord1-type = umbrella
pull-coord1-geometry = direction
pull-coord1-vec = 1 0 0
pull-coord1-start = no
pull-coord1-init = {centre:.6f}
pull-coord1-k = 1500
pull-nstxout = {interval}
pull-nstfout = {interval}
"""


def write(folder, name, text):
    with open(os.path.join(folder, name), "w") as out:
        out.write(text)


def simulate(folder, window_count, nsteps, interval=50, run=True):
    """Windows w00, w01, ... from -0.25 to 0.25 nm, and the lists tpr.dat, pullx.dat and
    pullf.dat; without `run` only their run inputs."""
    def gmx(*arguments):
        subprocess.run(["gmx", *arguments], cwd=folder, check=True, capture_output=True)

    write(folder, "conf.gro", CONF)
    write(folder, "topol.top", TOPOLOGY)
    write(folder, "index.ndx", INDEX)
    names = [f"w{k:02d}" for k in range(window_count)]
    for k, name in enumerate(names):
        centre = -0.25 + 0.5 * k / (window_count - 1)
        write(folder, "w.mdp", MDP.format(nsteps=nsteps, seed=k + 1, centre=centre,
                                          interval=interval))
        gmx("grompp", "-f", "w.mdp", "-c", "conf.gro", "-p", "topol.top", "-n",
            "index.ndx", "-o", name + ".tpr", "-maxwarn", "3")
        if run:
            gmx("mdrun", "-deffnm", name, "-ntmpi", "1", "-ntomp", "1", "-pin", "off")
    for listed, ending in (("tpr", ".tpr"), ("pullx", "_pullx.xvg"),
                           ("pullf", "_pullf.xvg")):
        write(folder, listed + ".dat", "".join(name + ending + "\n" for name in names))
