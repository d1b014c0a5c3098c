"""PDB and PSF against MDAnalysis, field by field: files of the test data, and files that
MDAnalysis and this script write with the features that such files have.

Usage: peer_topology.py TOPOLOGY_TOOL PEER_XTC STRUCTURE_TOOL
Exit code 77: skipped, the reason is printed.
"""
import os
import subprocess
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
try:
    import numpy as np
    import MDAnalysis as mda
    from MDAnalysis.lib.mdamath import triclinic_vectors
except ImportError as error:
    print("skipped:", error)
    sys.exit(77)

TOPOLOGY, FRAMES, SELECT = map(os.path.abspath, sys.argv[1:4])
DATA = os.environ.get("AUTOSIM_TEST_DATA") or os.environ.get(
    "AUTOSIM_TEST_DATA_DEFAULT", "")
FIELDS = ("name", "resname", "resid", "resnum", "icode", "segid", "chain", "type", "z",
          "serial", "mass", "charge", "resindex", "molecule")


def tool(*arguments, text=None):
    done = subprocess.run(list(map(str, arguments)), input=text, text=True,
                          capture_output=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def refused(path, *words, program=None):
    done = subprocess.run(program or [TOPOLOGY, "atoms", path], text=True,
                          capture_output=True)
    assert done.returncode == 1, (path, done.returncode, done.stderr)
    for word in words:
        assert word in done.stderr, (word, done.stderr)


def atoms_of(path):
    rows = [line.split("\t") for line in tool(TOPOLOGY, "atoms", path).splitlines()]
    return {field: [row[i] for row in rows] for i, field in enumerate(FIELDS)}


def ints(values):
    return np.array(values, dtype=int)


def bonds_of(path):
    lines = tool(TOPOLOGY, "bonds", path).splitlines()
    return lines[0], sorted({tuple(sorted(map(int, line.split())))
                             for line in lines[1:]})


def frames_of(path, n_atoms, damaged=False):
    """The frames that are whole; the tool exits with 1 where damage was met."""
    with tempfile.TemporaryDirectory() as folder:
        dump = os.path.join(folder, "dump")
        done = subprocess.run([FRAMES, "dump", path, dump], stderr=subprocess.PIPE)
        assert done.returncode == damaged, (path, done.returncode, done.stderr)
        kind = np.dtype([("x", "<f4", (n_atoms, 3)), ("box", "<f4", (3, 3)),
                         ("time", "<f4"), ("step", "<i4"), ("prec", "<f4")])
        return np.fromfile(dump, dtype=kind)


def same(ours, theirs, what):
    ours, theirs = list(ours), list(theirs)
    assert len(ours) == len(theirs), (what, len(ours), len(theirs))
    for i, (a, b) in enumerate(zip(ours, theirs)):
        assert a == b, (what, i, a, b)


def compare_names(path, universe, segids=True):
    ours, atoms = atoms_of(path), universe.atoms
    same(ours["name"], atoms.names, "name")
    same(ours["resname"], atoms.resnames, "resname")
    same(ints(ours["resid"]), atoms.resids, "resid")
    same(ints(ours["resindex"]), atoms.resindices, "residue")
    if segids:
        theirs = ["" if s == "SYSTEM" else s for s in atoms.segids]
        same(ours["segid"], theirs, "segid")
    return ours


def compare_selections(path, universe, selections):
    lines = tool(SELECT, "select", path, text="\n".join(selections) + "\n").splitlines()
    for text, line in zip(selections, lines):
        index = universe.select_atoms(text).indices.astype(object)
        expected = f"{len(index)} {sum(index)} {sum(index ** 2)}"
        if len(index) == 0:
            assert line.startswith("error") and "selects no atom" in line, (text, line)
        else:
            assert line == expected, (text, line, expected)


def compare_positions(path, universe, frame_count=None):
    ours = frames_of(path, len(universe.atoms))
    assert len(ours) == (frame_count or universe.trajectory.n_frames), len(ours)
    for frame, ts in zip(ours, universe.trajectory):
        # The file's decimals from MDAnalysis' floats; a tenth of them, rounded once.
        decimals = np.round(ts.positions.astype(np.float64), 3)
        assert np.array_equal(frame["x"], (decimals / 10).astype(np.float32)), path
        assert frame["prec"] == 10000
        box = np.zeros((3, 3))
        if ts.dimensions is not None:
            box = triclinic_vectors(ts.dimensions, dtype=np.float64) / 10
        assert np.allclose(frame["box"], box, rtol=1e-6, atol=2e-6), (frame["box"], box)


def compare_pdb(path, elements=True, bonds=True):
    universe = mda.Universe(path)
    ours = compare_names(path, universe)
    same([c or " " for c in ours["icode"]],
         [c or " " for c in universe.atoms.icodes], "icode")
    same(ours["chain"], universe.atoms.chainIDs, "chain")
    same(ints(ours["serial"]), universe.atoms.ids, "serial")
    if elements and hasattr(universe.atoms, "elements"):
        symbols = {symbol.upper(): number for symbol, number in
                   mda.topology.tables.SYMB2Z.items()}
        for i, element in enumerate(universe.atoms.elements):
            assert not element or int(ours["z"][i]) == symbols[element.upper()], i
        same(ours["type"], universe.atoms.types, "type")
    if bonds:
        theirs = sorted({tuple(sorted(b)) for b in universe.bonds.indices.tolist()}
                        if hasattr(universe, "bonds") else [])
        same(bonds_of(path)[1], theirs, "bonds")
    compare_positions(path, universe)
    return universe


def compare_psf(path, masses=True):
    universe = mda.Universe(path)
    ours = compare_names(path, universe)
    same(ours["type"], universe.atoms.types, "type")
    same(np.array(ours["charge"], dtype=np.float32),
         universe.atoms.charges.astype(np.float32), "charge")
    if masses:
        same(np.array(ours["mass"], dtype=np.float32),
             universe.atoms.masses.astype(np.float32), "mass")
    kind, bonds = bonds_of(path)
    assert kind == "complete"
    same(bonds, sorted({tuple(sorted(b)) for b in universe.bonds.indices.tolist()}),
         "bonds")
    # Where no molecules are interleaved, they are the fragments.
    if all(np.all(np.diff(f.indices) == 1) for f in universe.atoms.fragments):
        same(ints(ours["molecule"]), universe.atoms.fragindices, "molecule")
    return universe


def write(folder, name, text, mode="w"):
    path = os.path.join(folder, name)
    with open(path, mode) as file:
        file.write(text)
    return path


def record(serial, name, resname, chain, resid, x, icode=" ", altloc=" ", segid="",
           element="", kind="ATOM", occupancy=1.0):
    """A record as the format wants it; serial and resid may be text."""
    name = name if len(name) == 4 else f" {name}"
    return (f"{kind:6s}{serial:>5}{'':1s}{name:4s}{altloc:1s}{resname:4s}{chain:1s}"
            f"{resid:>4}{icode:1s}   {x[0]:8.3f}{x[1]:8.3f}{x[2]:8.3f}"
            f"{occupancy:6.2f}{0.0:6.2f}      {segid:<4s}{element:>2s}\n")


def hybrid36(number, width):
    if number < 10 ** width:
        return str(number)
    number -= 10 ** width
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    span = 26 * 36 ** (width - 1)
    lower, number = number >= span, number % span
    number += 10 * 36 ** (width - 1)
    text = ""
    for _ in range(width):
        text = digits[number % 36] + text
        number //= 36
    return text.lower() if lower else text


def featured_pdb(random):
    """Chains, segments, insertion codes, elements, TER, HETATM, CONECT, a box."""
    lines = ["HEADER    TEST\n", "TITLE     ALL FEATURES\n", "REMARK   1 d\u00e9j\u00e0\n",
             "CRYST1   60.100   70.200   80.300  70.00  80.00 100.00 P 1           1\n"]
    serial = 0
    for chain, segid in (("A", "PROA"), ("B", "PROB"), ("B", "XTAL")):
        for resid, icode in ((-3, " "), (0, " "), (1, " "), (1, "A"), (1, "B"), (2, " "),
                             (100, " ")):
            for name, element in (("N", "N"), ("CA", "C"), ("HG11", "H"), ("C", "C"),
                                  ("O", "O"), ("H5''", "H"), ("ZN", "ZN")):
                serial += 1
                x = random.uniform(-900, 900, 3)
                lines.append(record(serial, name, "VAL", chain, resid, x, icode,
                                    segid=segid, element=element))
        serial += 1
        lines.append(f"TER   {serial:5d}      VAL {chain} 100\n")
    for k in range(4):
        serial += 1
        lines.append(record(serial, "C%d" % k, "LIGX", "L", 1, random.uniform(0, 9, 3),
                            element="C", kind="HETATM"))
    for a, b in ((1, 2), (2, 1), (2, 4), (50, 51), (serial, serial - 1)):
        lines.append(f"CONECT{a:5d}{b:5d}\n")
    lines.append(f"CONECT{serial - 3:5d}{serial - 2:5d}{serial - 1:5d}\n")
    lines.append("MASTER        0    0    0    0    0    0    0    0\nEND\n")
    return "".join(lines)


def check_features(folder, random):
    text = featured_pdb(random)
    path = write(folder, "features.pdb", text)
    universe = compare_pdb(path)
    assert len(set(universe.atoms.segids)) == 4
    assert bonds_of(path)[0] == "partial"
    compare_selections(path, universe, [
        "name CA", "protein and name CA", "backbone", "resname LIGX", "segid PROB",
        "chainID B", "resid -3:1", "name H*", "element H", "index 3:9", "bynum 4:9",
        "id 49:53", "segid XTAL and resid 100", "type ZN", "not protein"])
    for name, other in (
            ("crlf.pdb", text.replace("\n", "\r\n")),
            ("no-end.pdb", text.replace("END\n", "")),
            ("no-newline.pdb", text.replace("END\n", "").rstrip("\n")),
            ("no-elements.pdb", "".join(
                line[:76].rstrip() + "\n" if line[:4] in ("ATOM", "HETA") else line
                for line in text.splitlines(True))),
            ("short.pdb", "".join(
                line[:54].rstrip() + "\n" if line[:4] in ("ATOM", "HETA") else line
                for line in text.splitlines(True))),
            ("tabs.pdb", "".join(
                line[:27] + "\t  " + line[30:] if line[:4] == "ATOM" else line
                for line in text.splitlines(True)))):
        compare_pdb(write(folder, name, other))
    print("features, CRLF, no END, no elements, short lines, tabs: as MDAnalysis")
    # Columns cannot be counted where a character is not a byte.
    bad = text.replace(" HG11 VAL", "HG\u03b11 VAL", 1)
    refused(write(folder, "bytes.pdb", bad), "byte 0xce in column", "atom record 3")
    cut = text.replace(" CA  VAL A   1 ", " CA  VAL A  *1 ", 1)
    refused(write(folder, "resid.pdb", cut), "columns 23-26", "residue number")


def check_locations(folder, random):
    """Of alternate locations the first: as MDAnalysis, but for what is left out."""
    lines, expected, serial = [], [], 0

    def add(keep, *arguments, **options):
        nonlocal serial
        serial += 1
        if keep:
            expected.append(serial - 1)
        lines.append(record(serial, *arguments, random.uniform(0, 90, 3), **options))

    add(1, "N", "SER", "A", 1)
    for name in ("CA", "CB"):
        add(1, name, "SER", "A", 1, altloc="B", occupancy=0.4)
        add(0, name, "SER", "A", 1, altloc="A", occupancy=0.6)
    add(1, "OG", "SER", "A", 1, altloc="A")     # only there: kept whatever its letter
    for name in ("N", "CA", "OG"):
        add(1, name, "SER", "A", 2, altloc="A")
    for name in ("N", "CA", "SD"):              # another residue in the same place
        add(0, name, "MET", "A", 2, altloc="B")
    add(1, "N", "GLY", "A", 3)
    add(1, "N", "GLY", "A", 3)                  # the same name and letter: two atoms
    add(1, "CA", "GLY", "A", 3, altloc="A")
    add(1, "CA", "GLY", "A", 3, altloc="B", icode="A")  # another residue
    body = "".join(lines)
    model = "".join(f"MODEL     {m:4d}\n{body}ENDMDL\n" for m in (1, 2, 3))
    path = write(folder, "altloc.pdb", model)
    universe = mda.Universe(path)
    ours = atoms_of(path)
    same(ours["name"], universe.atoms.names[expected], "name")
    same(ours["resname"], universe.atoms.resnames[expected], "resname")
    same(ints(ours["serial"]), universe.atoms.ids[expected], "serial")
    frames = frames_of(path, len(expected))
    assert len(frames) == 3
    x = np.round(universe.atoms.positions.astype(np.float64), 3)[expected] / 10
    assert np.array_equal(frames[2]["x"], x.astype(np.float32))
    print(f"alternate locations: {len(expected)} of {serial} records kept")


def check_models(folder, random):
    """Written by MDAnalysis: models, boxes that change, bonds, many residues."""
    n_atoms, n_frames = 60, 7
    universe = mda.Universe.empty(
        n_atoms, n_residues=20, n_segments=2, atom_resindex=np.arange(n_atoms) // 3,
        residue_segindex=np.arange(20) // 10, trajectory=True)
    universe.add_TopologyAttr("names", ["OH2", "H1", "H2"] * 20)
    universe.add_TopologyAttr("resnames", ["TIP3"] * 20)
    universe.add_TopologyAttr("resids", list(range(1, 11)) * 2)
    universe.add_TopologyAttr("segids", ["WTA", "WTB"])
    universe.add_TopologyAttr("chainIDs", ["X"] * 30 + ["Y"] * 30)
    universe.add_TopologyAttr("elements", ["O", "H", "H"] * 20)
    universe.add_TopologyAttr("bonds", [(i, i + k) for i in range(0, 60, 3)
                                        for k in (1, 2)])
    path = os.path.join(folder, "models.pdb")
    with mda.Writer(path, multiframe=True, bonds="all", n_atoms=n_atoms) as writer:
        for _ in range(n_frames):
            universe.atoms.positions = random.uniform(-99, 99, (n_atoms, 3))
            universe.dimensions = [31, 42, 53, 90, 80, 70]
            writer.write(universe)
    # It writes the first box alone, which its own reader then passes over.
    box = triclinic_vectors([31, 42, 53, 90, 80, 70], dtype=np.float64) / 10
    assert all(np.allclose(frame["box"], box, rtol=1e-6, atol=1e-6)
               for frame in frames_of(path, n_atoms))
    # A box with every model, as gmx trjconv writes them.
    parts = open(path).read().split("MODEL ")
    cells = ["CRYST1" + "%9.3f%9.3f%9.3f" % tuple(random.uniform(30, 90, 3)) +
             "%7.2f%7.2f%7.2f P 1           1\n" % tuple(random.uniform(65, 115, 3))
             for _ in range(n_frames)]
    path = write(folder, "models.pdb", "".join(
        f"TITLE     x t= {k}.50000 step= {k}00\n{cell}MODEL {part}"
        for k, (cell, part) in enumerate(zip(cells, parts[1:]))))
    frames = frames_of(path, n_atoms)
    same(frames["time"], [k + 0.5 for k in range(n_frames)], "time")
    same(frames["step"], [100 * k for k in range(n_frames)], "step")
    peer = compare_pdb(path)
    assert bonds_of(path)[0] == "complete", "waters hang together"
    assert len(set(atoms_of(path)["molecule"])) == 20
    compare_selections(path, peer, ["segid WTB", "name OH2 and resid 3",
                                    "chainID X and name H*"])
    text = open(path).read()
    # A model also ends where another begins.
    path = write(folder, "open.pdb", text.replace("ENDMDL\n", "", 1))
    assert np.array_equal(frames_of(path, n_atoms), frames)
    lines = text.splitlines(True)
    third = [i for i, line in enumerate(lines) if line.startswith("MODEL")][2]
    path = write(folder, "fewer.pdb", "".join(lines[:third + 5] + lines[third + 6:]))
    assert np.array_equal(frames_of(path, n_atoms, damaged=True),
                          np.delete(frames, 2)), \
        "a model that lacks an atom is passed over, the others are read"
    # VMD closes frames with END and has no MODEL.
    body = [line for line in lines[:third] if line[:4] in ("ATOM", "CRYS")]
    box, first, second = body[0], body[1:61], body[62:122]
    path = write(folder, "vmd.pdb", "".join([box, *first, "END\n", *second, "END\n"]))
    frames = frames_of(path, n_atoms)
    assert len(frames) == 2 and np.array_equal(frames[0]["box"], frames[1]["box"])
    ts = peer.trajectory[1]
    x = (np.round(ts.positions.astype(np.float64), 3) / 10).astype(np.float32)
    assert np.array_equal(frames[1]["x"], x)
    print(f"{n_frames} models of MDAnalysis' writer: same positions, boxes, bonds")


def check_many(folder, random):
    """Past the widths: hybrid-36, stars, and numbers that start anew."""
    count = 130000
    x = random.uniform(-99, 99, (count, 3))
    for name, serial_of, resid_of in (
            ("hybrid", lambda i: hybrid36(i + 1, 5), lambda i: (i // 20) + 1),
            ("stars", lambda i: i + 1 if i < 99999 else "*****", lambda i: i // 20 + 1),
            ("wrapped", lambda i: (i + 1) % 100000, lambda i: (i // 4 + 1) % 10000)):
        path = write(folder, name + ".pdb", "".join(
            record(serial_of(i), "OW", "SOL", " ", resid_of(i), x[i], element="O")
            for i in range(count)) + "END\n")
        universe = mda.Universe(path)
        ours = compare_names(path, universe)
        if name != "stars":
            same(ints(ours["serial"]), universe.atoms.ids, "serial")
        else:
            assert ours["serial"][99999] == str(-2 ** 31)
        compare_positions(path, universe)
    # MDAnalysis has no hybrid-36 for residues.
    path = write(folder, "resids.pdb", "".join(
        record(hybrid36(i + 1, 5), "OW", "SOL", " ", hybrid36(i + 1, 4), x[i])
        for i in range(count)) + "END\n")
    same(ints(atoms_of(path)["resnum"]), range(1, count + 1), "hybrid-36 resid")
    # The ends of the ranges, as cctbx lists them.
    path = write(folder, "ends.pdb", "".join(
        record(serial, "OW", "SOL", " ", resid, x[i]) for i, (serial, resid) in enumerate(
            (("A0000", "A000"), ("ZZZZZ", "ZZZZ"), ("a0000", "a000"), ("zzzzz", "zzzz")))))
    ours = atoms_of(path)
    same(ints(ours["serial"]), (100000, 43770015, 43770016, 87440031), "serial")
    same(ints(ours["resnum"]), (10000, 1223055, 1223056, 2436111), "resnum")
    print(f"{count} atoms: hybrid-36, stars and wrapped numbers read alike")


PSF_ROWS = [  # segment, resid, resname, name, type, charge, mass
    ("PROA", 1, "MET", "N", "NH3", -0.3, 14.007), ("PROA", 1, "MET", "HT1", "HC", 0.33, 1.008),
    ("PROA", 2, "LYS", "CA", "CT1", 0.21, 12.011), ("WAT", 1, "TIP3", "OH2", "OT", -0.834, 15.9994),
    ("WAT", 1, "TIP3", "H1", "HT", 0.417, 1.008), ("WAT", 1, "TIP3", "H2", "HT", 0.417, 1.008),
    ("ION", 5, "SOD", "SOD", "SOD", 1.0, 22.9898)]
PSF_BONDS = [(1, 2), (1, 3), (4, 5), (4, 6)]
# As CHARMM writes them: columns of 4, or of 8 with EXT.
STANDARD = "{:8d} {:4s} {:<4} {:4s} {:4s} {:>4} {:14.6f}{:14.6f}{:8d}"
EXTENDED = "{:10d} {:8s} {:<8} {:8s} {:8s} {:<4} {:14.6f}{:14.6f}{:8d}"
XPLOR_EXT = "{:10d} {:8s} {:<8} {:8s} {:8s} {:<6s} {:14.6f}{:14.6f}{:8d}"
NAMD = "{} {} {} {} {} {} {:.6f} {:.4f} {}"


def psf_text(flags, atom_format, rows=PSF_ROWS, extra="", bond_width=8):
    lines = [f"PSF {flags}".rstrip(), "", f"{2:8d} !NTITLE", " REMARKS one",
             " REMARKS 3 !NBOND is no section here", "",
             f"{len(rows):8d} !NATOM"]
    for i, row in enumerate(rows):
        lines.append(atom_format.format(i + 1, *row, 0) + extra)
    lines += ["", f"{len(PSF_BONDS):8d} !NBOND: bonds"]
    flat = [f"{n:{bond_width}d}" for bond in PSF_BONDS for n in bond]
    for i in range(0, len(flat), 8):
        lines.append("".join(flat[i:i + 8]))
    for name in ("!NTHETA: angles", "!NPHI: dihedrals", "!NIMPHI: impropers"):
        lines += ["", f"{0:8d} {name}", ""]
    return "\n".join(lines) + "\n"


def check_psf(folder):
    numbered = [(*row[:4], k + 20, *row[5:]) for k, row in enumerate(PSF_ROWS)]
    unnamed = [("", *row[1:]) for row in PSF_ROWS]
    for name, text, masses in (
            ("standard", psf_text("CMAP", STANDARD, numbered), True),
            ("xplor", psf_text("CMAP", STANDARD), True),
            ("cheq", psf_text("CMAP CHEQ", STANDARD, extra="   0.000000    -0.301140E-02"),
             True),
            ("no-segment", psf_text("", STANDARD, unnamed), True),
            ("namd", psf_text("NAMD", NAMD), True),
            ("unsaid", psf_text("", NAMD), True),
            # MDAnalysis reads four of the mass's fourteen columns here.
            ("extended", psf_text("EXT CMAP", EXTENDED, numbered, bond_width=10), False),
            ("drude", psf_text("EXT CMAP CHEQ DRUDE", EXTENDED, numbered,
                               extra="   0.000000     -1.25   1.3", bond_width=10), False)):
        path = write(folder, name + ".psf", text)
        if name == "unsaid":
            # Without the flag MDAnalysis takes the first line's charge for its columns.
            ours = atoms_of(path)
            same(ours["name"], [row[3] for row in PSF_ROWS], "name")
            same(np.array(ours["mass"], dtype=np.float32),
                 np.array([row[6] for row in PSF_ROWS], dtype=np.float32), "mass")
            continue
        compare_psf(path, masses)
        compare_psf(write(folder, "crlf.psf", text.replace("\n", "\r\n")), masses)
        if not masses:
            same(np.array(atoms_of(path)["mass"], dtype=np.float32),
                 np.array([row[6] for row in PSF_ROWS], dtype=np.float32), "mass")
    path = write(folder, "xplor-ext.psf", psf_text("EXT CMAP XPLOR", XPLOR_EXT,
                                                   bond_width=10))
    ours = atoms_of(path)
    for k, field in ((0, "segid"), (2, "resname"), (3, "name"), (4, "type")):
        same(ours[field], [row[k] for row in PSF_ROWS], field)
    same(np.array(ours["mass"], dtype=np.float32),
         np.array([row[6] for row in PSF_ROWS], dtype=np.float32), "mass")
    same(np.array(ours["charge"], dtype=np.float32),
         np.array([row[5] for row in PSF_ROWS], dtype=np.float32), "charge")
    # MDAnalysis splits these by blanks and takes the residue for the segment.
    ours = atoms_of(write(folder, "unnamed.psf",
                          psf_text("EXT", EXTENDED, unnamed, bond_width=10)))
    for k, field in ((0, "segid"), (2, "resname"), (3, "name")):
        same(ours[field], [row[k] for row in unnamed], field)
    # Insertion codes, which MDAnalysis does not read.
    rows = [(row[0], "7" + "ABCDEFG"[i], *row[2:]) for i, row in enumerate(PSF_ROWS)]
    ours = atoms_of(write(folder, "codes.psf", psf_text("CMAP", STANDARD, rows)))
    same(ours["icode"], "ABCDEFG", "insertion code")
    same(ints(ours["resnum"]), [7] * 7, "resnum")
    text = psf_text("CMAP", STANDARD)
    for name, bad, words in (
            ("cut", text[:text.index("       6 WAT")], ("after 5 of 7 atoms",)),
            ("no bonds", text[:text.index("       4 !NBOND")], ("!NBOND",)),
            ("count", text.replace("       7 !NATOM", "99999999 !NATOM"),
             ("!NATOM", "too short")),
            ("bond", text.replace("       6\n", "       8\n"), ("'8'", "1 to 7")),
            ("more", text.replace("4 !NBOND", "3 !NBOND"), ("more bonds",)),
            ("order", text.replace("       3 PROA", "       4 PROA"), ("atom 3",))):
        refused(write(folder, "bad.psf", bad), "bad.psf", *words)
    print("PSF: standard, X-PLOR, CHEQ, NAMD, EXT, DRUDE, without segments, damaged")


def check_data():
    if not os.path.isdir(DATA):
        print(f"files of AUTOSIM_TEST_DATA: skipped, '{DATA}' is absent")
        return
    path = os.path.join(DATA, "cobrotoxin/cobrotoxin.pdb")
    universe = compare_pdb(path)
    compare_selections(path, universe, [
        "protein and name CA", "backbone", "resname SOL and name OW", "resid 1:20",
        "name H* and resname LYS", "not protein", "resname CL", "index 100:2000"])
    print(f"cobrotoxin.pdb: {len(universe.atoms)} atoms are the same")
    compare_pdb(os.path.join(DATA, "ala/ala.pdb"))
    path = os.path.join(DATA, "adk/adk.psf")
    universe = compare_psf(path)
    compare_selections(path, universe, [
        "protein and name CA", "backbone", "resid 10:50 and not name H*", "type 22",
        "segid 4AKE", "prop mass > 13", "prop charge < -0.5", "id 0:10", "bynum 5:9",
        "resname MET and name SD"])
    print(f"adk.psf: {len(universe.atoms)} atoms, {len(universe.bonds)} bonds are the "
          "same")


def main():
    seed = int(os.environ.get("AUTOSIM_TEST_SEED", "20260220"))
    print("seed", seed)
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        check_features(folder, random)
        check_locations(folder, random)
        check_models(folder, random)
        check_psf(folder)
        check_data()
        check_many(folder, random)


main()
