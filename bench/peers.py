#!/usr/bin/env python3
"""Reading trajectories against every reader that is there.

    peers.py BENCH_XTC ADK_XTC [-r ROUNDS] [NAME=COMMAND...]

COMMAND is a reader built elsewhere: `COMMAND FILE 1` reads an XTC file once and prints
frames, atoms, wall seconds, processor seconds, any sum; a name that ends in `-ca` gets
the file of CA indices as its last argument and takes part in that row only. MDAnalysis,
mdtraj and gmx are used where they are installed. Inputs: the given file several times,
and files made here of it or at random. A round runs every reader once, one after the
other; ratios are taken within a round, of processor seconds, so that other work on the
machine meets all alike.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

warnings.simplefilter("ignore")
import numpy as np

PATHS = ("avx512", "avx2", "scalar")
PROTEIN_ATOMS = 3341


def read_with_python(reader, path, indices):
    """Processor seconds of one read."""
    atoms = np.loadtxt(indices, dtype=int).tolist() if indices else None
    if reader == "MDAnalysis":
        from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile
        from MDAnalysis.lib.formats.libdcd import DCDFile
        kind = {".xtc": XTCFile, ".trr": TRRFile, ".dcd": DCDFile}[path[-4:]]
        begin = time.process_time()
        with kind(path) as file:
            for _ in file:
                pass
    else:
        import mdtraj.formats as formats
        kind = {".xtc": formats.XTCTrajectoryFile, ".trr": formats.TRRTrajectoryFile,
                ".dcd": formats.DCDTrajectoryFile}[path[-4:]]
        begin = time.process_time()
        with kind(path) as file:
            # In parts, as mdtraj.iterload does: all at once would not fit every memory.
            while len(file.read(50, atom_indices=atoms)[0]):
                pass
    return time.process_time() - begin


def run(command):
    """Standard output and processor seconds of all of it; None where it fails."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            return None
        out.seek(0)
        return out.read().decode(), usage.ru_utime + usage.ru_stime


def our_reader(bench, simd, atoms, threads):
    def read(path):
        done = run([bench, path, str(atoms), "1", str(threads)])
        rows = [line.split() for line in (done or [""])[0].splitlines()
                if line.startswith(simd + " ")]
        return float(rows[0][1]) if rows else None
    return read


def python_reader(name, indices=None):
    return lambda path: read_with_python(name, path, indices)


def command_reader(command, *arguments):
    def read(path):
        done = run([*command.split(), path, "1", *arguments])
        return float(done[0].split()[3]) if done else None
    return read


def gmx_reader(path):
    """gmx check, whose start takes no part worth counting of files this long."""
    done = run(["gmx", "-quiet", "check", "-f", path])
    return done[1] if done else None


def write_xtc(path, frames, box):
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile
    with XTCFile(path, "w") as file:
        for k, x in enumerate(frames):
            file.write(x.astype(np.float32), box, k, float(k), 1000.0)


def make_inputs(folder, adk):
    """[(title, path, atoms)], made of the given file or at random with seed 1."""
    from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile
    from MDAnalysis.lib.formats.libdcd import DCDFile
    random = np.random.default_rng(1)
    with XTCFile(adk) as file:
        frames = [(frame.x.copy(), frame.box.copy()) for frame in file]
    n_atoms = len(frames[0][0])
    path = {name: os.path.join(folder, name) for name in
            ("water.xtc", "grain.xtc", "mixed.xtc", "water.trr", "water.dcd")}
    data = open(adk, "rb").read()
    with open(path["water.xtc"], "wb") as file:
        for _ in range(15):
            file.write(data)
    # Beads of a coarse-grained model: each half a nm from the last one or anywhere.
    box = 18 * np.eye(3, dtype=np.float32)
    n_beads = 39996
    grain = []
    for _ in range(20):
        step = random.normal(size=(n_beads, 3))
        step *= 0.47 / np.linalg.norm(step, axis=1, keepdims=True)
        x = np.cumsum(step.reshape(-1, 12, 3), axis=1) + random.uniform(
            0, 18, (n_beads // 12, 1, 3))
        grain.append((x.reshape(-1, 3) % 18))
    write_xtc(path["grain.xtc"], grain * 2, box)
    # The protein and pieces of water between beads.
    mixed = []
    for k in range(20):
        x = frames[k % len(frames)][0]
        mixed.append(np.concatenate(
            [x[:PROTEIN_ATOMS], grain[k][:8000], x[PROTEIN_ATOMS:PROTEIN_ATOMS + 12000],
             grain[k][8000:16000], x[-8000:]]))
    write_xtc(path["mixed.xtc"], mixed * 2, box)
    with TRRFile(path["water.trr"], "w") as trr, DCDFile(path["water.dcd"], "w") as dcd:
        dcd.write_header("bench", n_atoms, 0, 1, 1.0, 1)
        for k, (x, matrix) in enumerate(frames * 5):
            trr.write(x, None, None, matrix, k, float(k), 0.0, n_atoms)
            dcd.write(10 * x, np.array([60, 60, 60, 90, 90, 90], float))
    return [("XTC, protein in water", path["water.xtc"], n_atoms, 150),
            ("XTC, coarse-grained", path["grain.xtc"], len(grain[0]), 40),
            ("XTC, protein, beads and water", path["mixed.xtc"], len(mixed[0]), 40),
            ("TRR, protein in water", path["water.trr"], n_atoms, 50),
            ("DCD, protein in water", path["water.dcd"], n_atoms, 50)]


def spread(values, form):
    return " / ".join(format(v, form) for v in
                      (min(values), statistics.median(values), max(values)))


def table(title, path, millions, readers, rounds, unit):
    seconds = {}
    for read in readers.values():
        read(path)
    for _ in range(rounds):
        for name, read in readers.items():
            result = read(path)
            if result:
                seconds.setdefault(name, []).append(result)
    ours = [name for name in seconds if name.startswith("autosim")]
    print(f"\n### {title}\n\nminimum / median / maximum of {rounds} rounds\n")
    print(f"| reader | {unit} | " + " | ".join(
        f"{name} is so many times as fast" for name in ours) + " |")
    print("|---" * (2 + len(ours)) + "|")
    for name, values in seconds.items():
        ratios = ["" if name in ours else spread(
            [a / b for a, b in zip(values, seconds[our])], ".1f") for our in ours]
        print(f"| {name} | {spread([millions / s for s in values], '.0f')} | "
              + " | ".join(ratios) + " |")
    sys.stdout.flush()


def main():
    arguments, rounds = sys.argv[1:], 5
    if "-r" in arguments:
        at = arguments.index("-r")
        rounds = int(arguments[at + 1])
        del arguments[at:at + 2]
    if len(arguments) < 2:
        sys.exit(__doc__)
    bench, adk = map(os.path.abspath, arguments[:2])
    others = dict(argument.split("=", 1) for argument in arguments[2:])
    with tempfile.TemporaryDirectory() as folder:
        inputs = make_inputs(folder, adk)
        for title, path, atoms, frames in inputs:
            readers = {"MDAnalysis": python_reader("MDAnalysis")}
            try:
                import mdtraj  # noqa: F401
                readers["mdtraj"] = python_reader("mdtraj")
            except ImportError:
                pass
            if shutil.which("gmx") and path.endswith("water.xtc"):
                readers["gmx check"] = gmx_reader
            if path.endswith(".xtc"):
                readers.update({name: command_reader(
                    command, *(["all"] if name.startswith("molly") else []))
                    for name, command in others.items() if not name.endswith("-ca")})
                readers.update({f"autosim {simd}": our_reader(bench, simd, 0, 1)
                                for simd in PATHS})
            else:
                readers["autosim"] = our_reader(bench, "scalar", 0, 1)
            table(title, path, 1e-6 * atoms * frames, readers, rounds,
                  "million atoms/s")
        path = inputs[0][1]
        indices = os.path.join(folder, "ca.txt")
        with open(indices, "w") as file:
            file.write(" ".join(str(i) for i in range(4, PROTEIN_ATOMS, 16)))
        readers = {"MDAnalysis (decodes all)": python_reader("MDAnalysis")}
        if "mdtraj" in sys.modules:
            readers["mdtraj"] = python_reader("mdtraj", indices)
        readers.update({name: command_reader(command, indices)
                        for name, command in others.items() if name.endswith("-ca")})
        readers.update({f"autosim {simd}": our_reader(bench, simd, f"4:{PROTEIN_ATOMS}:16", 1)
                        for simd in PATHS})
        table("XTC, the CA atoms of the protein, in front of the water", path, 150,
              readers, rounds, "frames/s")
        readers = {"MDAnalysis": python_reader("MDAnalysis"),
                   "autosim avx512, 1 thread": our_reader(bench, "avx512", 0, 1),
                   "autosim avx512, 2 threads": our_reader(bench, "avx512", 0, 2)}
        table("XTC, what threads cost (processor seconds of all)", path,
              1e-6 * inputs[0][2] * 150, readers, rounds, "million atoms/s")


main()
