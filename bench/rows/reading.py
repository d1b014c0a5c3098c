"""Reading trajectories: whole frames, a part of the atoms, on threads, other formats."""
import os

import inputs
import measure
from measure import Contest, agree, target

PATHS = ("avx512", "avx2", "scalar")


def ours(book, path, simd, atoms=0, threads=1, rounds=3):
    """The median of a few reads in one process, which sums what each path gives first
    and fails where they differ."""
    def call():
        done = measure.run([book.program("bench/bench_xtc"), path, atoms, rounds, threads],
                           cores=threads)
        rows = [line.split() for line in done.out.splitlines()]
        for row in rows:
            if row[0] == simd:
                return measure.Sample(float(row[2]), float(row[4]), done.peak_mb)
        raise measure.Failed(f"this machine has no {simd}")
    return call


def paths_here(book, path):
    text = measure.run([book.program("bench/bench_xtc"), path, 0, 1, 1]).out
    return [simd for simd in PATHS if any(line.startswith(simd) for line in
                                          text.splitlines())]


def built_aside(book, name, path, *arguments, repeats=5):
    """`DECODE FILE REPEATS ...` prints frames, atoms, seconds."""
    def call():
        done = measure.run([book.aside[name], path, repeats, *arguments])
        atoms = int(done.out.split()[1])
        return done.sample(atoms // repeats, repeats)
    return call


def same_atoms(book, path):
    """Readers that count have read as much; what ours give is what MDAnalysis gives; the
    sums of all coordinates are those of readers built aside (called with 0 repeats)."""
    def check(answers):
        counts = {answer for answer in answers.values() if answer}
        if len(counts) > 1:
            raise measure.Failed(f"readers read different numbers of atoms: {counts}")
        said = "all read as many atoms, all paths of autosim give the same bits"
        if not book.has_module("MDAnalysis"):
            return said
        dump = os.path.join(book.folder, "dump")
        measure.run([book.program("tests/formats/peer_xtc"), "dump", path, dump])
        found = book.peer("same_bits", path, dump)[1]
        os.remove(dump)
        if not found["answer"]:
            raise measure.Failed("coordinates differ from those of MDAnalysis")
        said += "; coordinates are those of MDAnalysis" + (
            ", in nm, to rounding" if path.endswith(".dcd") else " to the bit")
        sums = [agree(name, [found["sum"]],
                      [float(measure.run([book.aside[name], path, 0]).out.split()[3])], 1e-6)
                for name in sorted(set(answers) & set(book.aside))]
        return said + ("; sums of coordinates: " + ", ".join(sums) if sums else "")
    return check


def readers(book, path, absent, indices=None, atoms=0, xtc=True):
    found = {}
    for name, extra in (("mdlib", ()), ("molly", (str(atoms),) if atoms else ())):
        if not xtc or (name == "mdlib" and atoms):
            continue  # these two read XTC, mdlib whole frames only
        if name in book.aside:
            found[name] = built_aside(book, name, path, *extra)
        else:
            absent.append(f"{name} (built aside: --{name} PROGRAM)")
    for name in ("MDAnalysis", "mdtraj"):
        if book.has_module(name):
            arguments = [indices] if indices and name == "mdtraj" else []
            found[name] = book.python("read_" + name.lower(), path, *arguments)
        else:
            absent.append(name)
    return found


def whole_frames(book):
    path, absent = book.inputs.water(), []
    million = 1e-6 * inputs.WATER_ATOMS * 150
    paths = paths_here(book, path)
    contestants = {f"autosim {simd}": ours(book, path, simd) for simd in paths}
    contestants.update(readers(book, path, absent))
    result = Contest("150 frames of 47,681 atoms, protein in water, 1 thread", contestants,
                     book.pairs, work=million, unit="million atoms/s").compete(
        same_atoms(book, book.inputs.adk("adk_oplsaa.xtc")))
    wanted = {"avx512": {"mdlib": 3, "molly": 15, "MDAnalysis": 18},
              "avx2": {"mdlib": 1.7, "molly": 7, "MDAnalysis": 9}}
    targets = [target(f"XTC decode, {simd}, against {peer}",
                      result["ratios"][f"autosim {simd}"][peer], least)
               for simd in paths for peer, least in wanted.get(simd, {}).items()
               if peer in contestants]
    return {"contests": [result], "targets": targets, "absent": absent}


def two_threads(book):
    path, absent, cores = book.inputs.water(), [], len(measure.allowed_cores())
    if cores < 2:
        return {"contests": [], "targets": [], "absent": ["a second core"]}
    best = paths_here(book, path)[0]
    contestants = {f"autosim {best}, 2 threads": ours(book, path, best, 0, 2, 9)}
    if not book.has_module("MDAnalysis"):
        return {"contests": [], "targets": [], "absent": ["MDAnalysis"]}
    contestants["MDAnalysis"] = book.python("read_mdanalysis", path)
    contestants[f"autosim {best}, 1 thread"] = ours(book, path, best, rounds=9)
    result = Contest("the same on 2 threads, wall time", contestants, book.pairs, "wall",
                     1e-6 * inputs.WATER_ATOMS * 150, "million atoms/s").compete()
    return {"contests": [result], "absent": absent, "targets": [
        target("XTC decode, 2 threads, against one process of MDAnalysis",
               result["ratios"][f"autosim {best}, 2 threads"]["MDAnalysis"], 32)]}


def ca_only(book):
    path, absent = book.inputs.water(), []
    paths = paths_here(book, path)
    contestants = {f"autosim {simd}": ours(book, path, simd,
                                           f"4:{inputs.PROTEIN_ATOMS}:16", rounds=9)
                   for simd in paths}
    contestants.update(readers(book, path, absent, book.inputs.ca_indices(),
                               inputs.PROTEIN_ATOMS))
    result = Contest("CA atoms of the protein, in front of the water", contestants,
                     book.pairs, work=150, unit="frames/s").compete()
    ratios = result["ratios"][f"autosim {paths[0]}"]
    return {"contests": [result], "absent": absent, "notes": [
        "molly reads all atoms up to the last of the protein, MDAnalysis has no way to read "
        "a part; mdtraj keeps the CA atoms."],
        "targets": [target(f"CA only, {paths[0]}, against {peer}", ratios[peer], least)
                    for peer, least in (("molly", 7), ("MDAnalysis", 110))
                    if peer in ratios]}


def other_formats(book):
    folder, absent, contests, targets = book.inputs.other_files(), [], [], []
    for name, atoms, title in (
            ("beads.xtc", 39996, "XTC of a coarse-grained model"),
            ("mixed.xtc", 39341, "XTC of protein, beads and water"),
            ("water.trr", inputs.WATER_ATOMS, "TRR"),
            ("water.dcd", inputs.WATER_ATOMS, "DCD"))[2 if book.quick else 0:]:
        path, xtc = os.path.join(folder, name), name.endswith("xtc")
        best = paths_here(book, path)[0] if xtc else "scalar"
        mine = f"autosim {best}" if xtc else "autosim"
        contestants = {mine: ours(book, path, best)}
        contestants.update(readers(book, path, absent, xtc=xtc))
        result = Contest(f"{title}: 50 frames of {atoms:,} atoms", contestants, book.pairs,
                         work=50e-6 * atoms, unit="million atoms/s").compete(
                             same_atoms(book, path))
        contests.append(result)
        if "MDAnalysis" in contestants:
            targets.append(target(f"{title}, against MDAnalysis",
                                  result["ratios"][mine]["MDAnalysis"], 1))
    return {"contests": contests, "targets": targets, "absent": absent, "notes": [
        "One thread. MDAnalysis and mdtraj leave the Angstrom of a DCD file as they are, "
        "autosim converts to nm."]}


ROWS = [("xtc", "XTC decode, protein in water", whole_frames),
        ("xtc-threads", "XTC decode on 2 threads", two_threads),
        ("xtc-ca", "CA atoms only, protein first in the file", ca_only),
        ("formats", "Other files: TRR, DCD, XTC of other systems", other_formats)]
