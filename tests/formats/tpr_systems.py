"""Small systems and run parameters that together use every part of a TPR's layout."""

MOLECULES = 30

DEFAULTS = """[ defaults ]
1 2 no 1.0 1.0
[ atomtypes ]
X 6 12.0 0.0 A 0.3 0.1
O 8 16.0 0.0 A 0.3 0.1
H 1  1.0 0.0 A 0.0 0.0
V 0  0.0 0.0 V 0.0 0.0
"""


def _triangle_gro():
    lines = ["triangles", str(3 * MOLECULES)]
    atom = 0
    for m in range(MOLECULES):
        x, y, z = 0.4 + 0.7 * (m % 4), 0.4 + 0.7 * (m // 4 % 4), 0.4 + 0.7 * (m // 16)
        for name, dx, dy in (("A1", 0, 0), ("A2", 0.3, 0), ("A3", 0.3, 0.3)):
            atom += 1
            lines.append(f"{m + 1:5d}{'TRI':5s}{name:>5s}{atom:5d}"
                         f"{x + dx:8.3f}{y + dy:8.3f}{z:8.3f}")
    return "\n".join(lines + ["   3.0 3.0 3.0", ""])


TRIANGLE = {
    "molecules": MOLECULES,
    "gro": _triangle_gro(),
    "top": DEFAULTS + f"""
[ moleculetype ]
TRI 3
[ atoms ]
1 X 1 TRI A1 1 0.0 12.0 X 0.1 13.0
2 X 1 TRI A2 1 0.0 12.0 X 0.0 12.0
3 X 1 TRI A3 1 0.0 12.0 X -0.1 12.0
[ bonds ]
1 2 1 0.30 20000
2 3 1 0.30 20000
[ position_restraints ]
1 1 1000 1000 1000
[ system ]
triangles
[ molecules ]
TRI {MOLECULES}
""",
}

_BASE = """integrator=md
dt=0.002
nsteps=1000
cutoff-scheme=Verlet
rcoulomb=0.9
rvdw=0.9
tcoupl=v-rescale
tc-grps=System
tau-t=0.5
ref-t=300
gen-vel=yes
ld-seed=12
"""

_FREE_ENERGY = """free-energy={kind}
init-lambda-state=1
fep-lambdas=0 0.5 1
temperature-lambdas=0 0.5 1
sc-alpha=0.5
sc-coul=yes
nstdhdl=10
nstcalcenergy=10
"""

_PULL = """pull=yes
pull-ngroups=4
pull-group1-name=G1
pull-group2-name=G2
pull-group2-pbcatom=4
pull-group3-name=G3
pull-group3-weights=1 2 3
pull-group4-name=G4
"""

FEATURES = {
    "plain": _BASE,
    "continued": _BASE.replace("gen-vel=yes", "gen-vel=no") + "continuation=yes\n"
                 "init-step=100\ntinit=5\n",
    "minimise": "integrator=steep\nnsteps=50\ncutoff-scheme=Verlet\nrcoulomb=0.9\n"
                "rvdw=0.9\n",
    "bfgs": "integrator=l-bfgs\nnsteps=50\ncutoff-scheme=Verlet\nrcoulomb=0.9\n"
            "rvdw=0.9\nrvdw-switch=0.8\nvdw-modifier=force-switch\n"
            "coulombtype=reaction-field\n",
    "brownian": _BASE.replace("=md", "=bd").replace("tcoupl=v-rescale\n", "") +
                "bd-fric=10\n",
    "verlet": _BASE.replace("=md", "=md-vv").replace("v-rescale", "nose-hoover"),
    "pressure": _BASE + "pcoupl=parrinello-rahman\nref-p=1\ncompressibility=4.5e-5\n"
                "refcoord-scaling=com\ndispcorr=EnerPres\ndefine=-DPOSRES\n",
    "groups": _BASE.replace("tc-grps=System\ntau-t=0.5\nref-t=300",
                            "tc-grps=G1 NotG1\ntau-t=0.5 0.5\nref-t=310 300") +
              "freezegrps=G1 G2\nfreezedim=Y Y Y N N Y\nacc-grps=G3\naccelerate=1 0 0\n"
              "energygrps=G1 G2\ncomm-grps=Rest\nannealing=single periodic\n"
              "annealing-npoints=2 3\nannealing-time=0 10 0 5 10\n"
              "annealing-temp=300 310 300 320 300\nuser1-grps=G4\n",
    "pull": _BASE + _PULL + "pull-ncoords=4\n"
            "pull-coord1-type=umbrella\npull-coord1-geometry=distance\n"
            "pull-coord1-groups=1 2\npull-coord1-k=1000\npull-coord1-start=yes\n"
            "pull-coord2-type=umbrella\npull-coord2-geometry=direction-relative\n"
            "pull-coord2-groups=1 2 3 4\npull-coord2-k=10\n"
            "pull-coord3-type=constant-force\npull-coord3-geometry=direction\n"
            "pull-coord3-vec=1 0 0\npull-coord3-groups=0 1\npull-coord3-k=1\n"
            "pull-coord4-type=umbrella\npull-coord4-geometry=transformation\n"
            "pull-coord4-expression=x1+x2\npull-coord4-k=5\n",
    "awh": _BASE + _PULL + "pull-ncoords=2\n"
           "pull-coord1-type=external-potential\npull-coord1-potential-provider=awh\n"
           "pull-coord1-geometry=distance\npull-coord1-groups=1 2\n"
           "pull-coord2-type=external-potential\npull-coord2-potential-provider=awh\n"
           "pull-coord2-geometry=distance\npull-coord2-groups=3 4\n"
           "nstenergy=100\nawh=yes\nawh-nstout=100\nawh-nbias=2\nawh-share-multisim=no\n" +
           "".join(f"awh{k}-ndim=1\nawh{k}-dim1-coord-index={k}\nawh{k}-dim1-start=0.2\n"
                   f"awh{k}-dim1-end=1.2\nawh{k}-dim1-force-constant=1000\n"
                   f"awh{k}-dim1-diffusion=5e-5\nawh{k}-error-init=5\n" for k in (1, 2)),
    "alchemy": _BASE + _FREE_ENERGY.format(kind="yes"),
    "expanded": _BASE.replace("=md", "=md-vv") + _FREE_ENERGY.format(kind="expanded") +
                "nstexpanded=10\nlmc-stats=wang-landau\nlmc-move=metropolis\n"
                "lmc-weights-equil=wl-delta\nweight-equil-wl-delta=0.01\ninit-lambda-weights=0 1 2\n"
                "simulated-tempering=yes\nsim-temp-low=300\nsim-temp-high=400\n"
                "lmc-seed=5\n",
    "rotation": _BASE + "rotation=yes\nrot-ngroups=2\nrot-nstrout=50\n" +
                "".join(f"rot-group{k}=G{k + 1}\nrot-type{k}={kind}\nrot-vec{k}=1 0 0\n"
                        f"rot-pivot{k}=1 1 1\nrot-rate{k}=0.1\nrot-k{k}=200\n"
                        for k, kind in ((0, "iso"), (1, "flex"))),
    "swap": _BASE + "swapcoords=Z\nswap-frequency=100\nsplit-group0=G1\n"
            "split-group1=G2\nmassw-split0=yes\nsolvent-group=Rest\niontypes=2\n"
            "iontype0-name=G3\niontype0-in-A=1\niontype0-in-B=2\niontype1-name=G4\n"
            "iontype1-in-A=1\niontype1-in-B=2\ncyl0-r=1\ncyl1-r=1\n",
    "field": _BASE + "electric-field-x=0.1 2 0 0\nelectric-field-z=0.2 1 5 2\n",
    "interactive": _BASE + "imd-group=G1\n",
    "walls": _BASE + "pbc=xy\nnwall=2\nwall-type=9-3\nwall-atomtype=X O\n"
             "wall-density=5 5\nperiodic-molecules=yes\n",
    "levels": _BASE + "mts=yes\nmts-levels=2\nmts-level2-forces=longrange-nonbonded\n"
              "mts-level2-factor=2\ncoulombtype=pme\nfourier-spacing=0.3\n",
    "ljpme": _BASE + "coulombtype=pme\nvdwtype=pme\nlj-pme-comb-rule=Lorentz-Berthelot\n"
             "fourier-spacing=0.3\n",
    "qmmm": _BASE + "qmmm-cp2k-active=true\nqmmm-cp2k-qmgroup=G1\n"
            "qmmm-cp2k-qmmethod=PBE\n",
    "deform": _BASE + "deform=0.01 0 0 0 0 0\ncos-acceleration=0.1\nuserint1=4\n",
}

# Every bonded interaction that grompp accepts without tables and that has its own
# parameters or its own list in the file.
_CHAIN = 16
MIXED_ITP = DEFAULTS + """
[ cmaptypes ]
""" + "X X X X X 1 2 2 " + "1.0 2.0 3.0 4.0\n" + """
[ nonbond_params ]
X O 1 0.31 0.11
[ moleculetype ]
MIX 1
[ atoms ]
""" + "".join(f"{i} X {(i + 3) // 4} R{(i + 3) // 4} C{i} {i} {0.1 * (i % 3 - 1):.1f} "
              f"12.0\n" for i in range(1, _CHAIN + 1)) + """
17 V 5 VS V1 17 0.0 0.0
18 V 5 VS V2 18 0.0 0.0
19 V 5 VS V3 19 0.0 0.0
20 V 5 VS V4 20 0.0 0.0
21 V 5 VS V5 21 0.0 0.0
22 V 5 VS V6 22 0.0 0.0
23 V 5 VS V7 23 0.0 0.0
24 V 5 VS V8 24 0.0 0.0
25 V 5 VS V9 25 0.0 0.0
[ bonds ]
1 2 1 0.15 1000
2 3 2 0.15 1000
3 4 3 0.15 100 10
4 5 4 0.15 1000 100
5 6 5
6 7 6 0.15 1000
7 8 7 0.5 1000
8 9 10 0.1 0.2 0.3 1000
9 10 1 0.15 1000 0.16 900
1 9 8 1 100
1 10 9 2 100
[ constraints ]
10 11 1 0.15
11 13 2 0.25
[ angles ]
1 2 3 1 120 100
2 3 4 2 120 100
3 4 5 3 0.1 0.1 100
4 5 6 4 0.1 0.1 0.2 100
5 6 7 5 120 100 0.2 100
6 7 8 6 120 1 2 3 4 5
7 8 9 8 3 100
8 9 10 9 0.4 100
9 10 11 10 120 100
[ dihedrals ]
1 2 3 4 1 180 10 2
2 3 4 5 2 180 10
3 4 5 6 3 1 2 3 4 5 6
4 5 6 7 4 180 10 2
5 6 7 8 5 1 2 3 4
6 7 8 9 8 1 10
7 8 9 10 9 180 10 2
8 9 10 11 10 120 10
9 10 11 12 11 1 2 3 4 5 6
[ cmap ]
3 4 5 6 7 1
[ pairs ]
1 5 1 0.3 0.1
2 6 2 0.5 0.1 -0.1 0.3 0.1
[ pairs_nb ]
3 7 1 0.1 -0.1 0.3 0.1
[ distance_restraints ]
1 12 1 0 1 0.2 0.3 0.4 1.0
[ orientation_restraints ]
1 12 1 1 1 3 6.083 -6.73 1.0
[ angle_restraints ]
1 2 3 4 1 120 100 2
[ angle_restraints_z ]
1 2 1 120 100 2
[ dihedral_restraints ]
1 2 3 4 1 120 10 100
[ position_restraints ]
1 1 1000 1000 1000
2 2 1 0.5 1000
[ polarization ]
12 13 1 0.001
13 14 2 0.001 0.02 1000
[ thole_polarization ]
11 12 13 14 2 2.6 0.001 0.001
[ virtual_sites1 ]
17 1 1
[ virtual_sites2 ]
18 1 2 1 0.5
19 1 2 2 0.05
[ virtual_sites3 ]
20 1 2 3 1 0.3 0.3
21 1 2 3 2 0.5 0.1
22 1 2 3 3 120 0.1
23 1 2 3 4 0.3 0.3 1.0
[ virtual_sites4 ]
24 1 2 3 4 2 0.3 0.3 0.1
[ virtual_sitesn ]
25 1 1 2 3 4
[ moleculetype ]
SOL 2
[ atoms ]
1 O 1 SOL OW 1 -0.8 16.0
2 H 1 SOL HW1 1 0.4 1.0
3 H 1 SOL HW2 1 0.4 1.0
[ settles ]
1 1 0.1 0.16
[ exclusions ]
1 2 3
2 1 3
3 1 2
"""

MIXED_SYSTEM = """
[ system ]
mixed
[ molecules ]
MIX 2
SOL 5
MIX 1
"""

# One more bond, between atoms 1 and 26; MDAnalysis does not read these.
BETWEEN_MOLECULES = """
[ intermolecular_interactions ]
[ bonds ]
1 26 6 0.5 100
"""


def mixed_gro():
    atoms = []
    for copy, kind in enumerate(["MIX", "MIX"] + ["SOL"] * 5 + ["MIX"]):
        y = 0.3 + 0.6 * (copy % 4)
        z = 0.5 + 1.2 * (copy // 4)
        for i in range(25 if kind == "MIX" else 3):
            if kind == "MIX":
                atoms.append((kind, f"C{i}", 0.2 + 0.1 * i, y + 0.05 * (i % 2),
                              z + 0.03 * (i % 3)))
            else:
                atoms.append((kind, ("OW", "HW1", "HW2")[i], 0.5 + 0.1 * (i == 1),
                              y + 0.1 * (i == 2), z))
    lines = ["mixed", str(len(atoms))]
    for n, (kind, name, x, y, z) in enumerate(atoms):
        lines.append(f"{1:5d}{kind:5s}{name:>5s}{n + 1:5d}{x:8.3f}{y:8.3f}{z:8.3f}")
    return "\n".join(lines + ["   3.0 3.0 3.0", ""])
