"""A helix of twelve glycines, built from ideal bonds and angles, and simulated."""
import math
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                                "whole"))
import common  # noqa: E402


def place(a, b, c, bond, angle, dihedral):
    """The atom at this distance from c, angle at c, dihedral around b-c."""
    def minus(p, q):
        return [x - y for x, y in zip(p, q)]

    def cross(p, q):
        return [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2],
                p[0] * q[1] - p[1] * q[0]]

    def unit(p):
        norm = math.sqrt(sum(x * x for x in p))
        return [x / norm for x in p]

    angle, dihedral = math.radians(angle), math.radians(dihedral)
    along = unit(minus(c, b))
    normal = unit(cross(minus(b, a), along))
    third = cross(normal, along)
    local = (-bond * math.cos(angle), bond * math.sin(angle) * math.cos(dihedral),
             bond * math.sin(angle) * math.sin(dihedral))
    return [c[i] + local[0] * along[i] + local[1] * third[i] + local[2] * normal[i]
            for i in range(3)]


def glycines(count):
    """PDB lines of a helix (Angstrom)."""
    chain = [[0.0, 0.0, 0.0], [1.46, 0.0, 0.0]]
    chain.append([1.46 + 1.52 * math.cos(math.radians(69)),
                  1.52 * math.sin(math.radians(69)), 0.0])
    for _ in range(1, count):
        chain.append(place(*chain[-3:], 1.33, 116, -47))    # N, psi
        chain.append(place(*chain[-3:], 1.46, 122, 180))    # CA, omega
        chain.append(place(*chain[-3:], 1.52, 111, -57))    # C, phi
    lines = []
    for residue in range(count):
        n, ca, c = chain[3 * residue:3 * residue + 3]
        after = chain[3 * residue + 3] if residue + 1 < count else None
        o = place(n, ca, c, 1.23, 120, 133) if after is None else \
            place(after, ca, c, 1.23, 120, 180)
        for name, xyz in (("N", n), ("CA", ca), ("C", c), ("O", o)):
            lines.append(f"ATOM  {len(lines) + 1:5d}  {name:<3s} GLY A{residue + 1:4d}    "
                         + "".join(f"{x:8.3f}" for x in xyz) + "  1.00  0.00\n")
    return "".join(lines) + "END\n"


def simulate(folder, picoseconds=50):
    """system.tpr and trajectory.xtc of the helix in vacuum; cold, so that it stays one,
    and the same each time."""
    example = os.path.join(common.SOURCE, "examples", "alanine")
    for name in ("minimise.mdp", "unbiased.mdp"):
        shutil.copy(os.path.join(example, name), folder)
    common.set_mdp(os.path.join(folder, "unbiased.mdp"),
                   nsteps=int(picoseconds / 0.002), nstxout_compressed=125, ref_t=100,
                   gen_temp=100, gen_seed=3, ld_seed=4)
    with open(os.path.join(folder, "chain.pdb"), "w") as out:
        out.write(glycines(12))
    for command in (["pdb2gmx", "-f", "chain.pdb", "-o", "start.gro", "-ff",
                     "amber99sb-ildn", "-water", "none", "-ignh"],
                    ["editconf", "-f", "start.gro", "-o", "box.gro", "-c", "-box", "6"],
                    ["grompp", "-f", "minimise.mdp", "-c", "box.gro", "-o",
                     "minimise.tpr"]):
        common.run(["gmx", *command], cwd=folder)
    common.mdrun(folder, "minimise")
    common.run(["gmx", "grompp", "-f", "unbiased.mdp", "-c", "minimise.gro", "-o",
                "system.tpr"], cwd=folder)
    common.run(["gmx", "mdrun", "-s", "system.tpr", "-x", "trajectory.xtc", "-ntmpi",
                "1", "-ntomp", "1", "-pin", "off"], cwd=folder)
