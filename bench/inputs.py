"""Inputs of the rows, made once in a run, seeded. What needs numpy or MDAnalysis is made
by peer.py in a process of its own, so that this one stays small."""
import os

import measure

PROTEIN_ATOMS = 3341
WATER_ATOMS = 47681


class Inputs:
    def __init__(self, book):
        self.book, self.folder, self.made = book, book.folder, {}

    def _once(self, name, make):
        path = os.path.join(self.folder, name)
        if name not in self.made:
            make(path)
            self.made[name] = path
        return path

    def adk(self, name):
        path = os.path.join(self.book.data, "adk", name)
        if not self.book.data or not os.path.exists(path):
            raise measure.Failed(f"no adk/{name}; AUTOSIM_TEST_DATA names the folder of "
                                 "the test data")
        return path

    def water(self, copies=15):
        """Frames of a protein in 4-site water, the same ten again and again."""
        def make(path):
            data = open(self.adk("adk_oplsaa.xtc"), "rb").read()
            with open(path, "wb") as out:
                for _ in range(copies):
                    out.write(data)
        return self._once(f"water{copies}.xtc", make)

    def other_files(self):
        """Folder with beads.xtc, mixed.xtc, water.trr, water.dcd, 50 frames each."""
        def make(path):
            os.makedirs(path)
            self.book.peer("other_files", self.adk("adk_oplsaa.xtc"), path)
        return self._once("other", make)

    def ca_indices(self):
        def make(path):
            with open(path, "w") as out:
                out.write(" ".join(str(i) for i in range(4, PROTEIN_ATOMS, 16)))
        return self._once("ca.txt", make)

    def longer(self, source, frames, atoms, seed):
        """make_xtc: a longer trajectory with collective motion out of a short one."""
        name = f"made-{frames}-{atoms}-{seed}.xtc"
        return self._once(name, lambda path: measure.run(
            [self.book.program("bench/make_xtc"), source, path, frames, atoms, seed]))

    def protein(self):
        """The protein of the ten frames made whole: folder with protein.gro, .pdb,
        short.xtc, ca.ndx."""
        def make(path):
            os.makedirs(path)
            self.book.peer("whole_protein", os.path.dirname(self.adk("adk_oplsaa.tpr")),
                           path)
        return self._once("protein", make)

    def frames_in_memory(self, frames, atoms):
        return self._once(f"frames-{frames}-{atoms}.f32", lambda path: self.book.peer(
            "frames_in_memory", path, frames, atoms))

    def umbrella(self, windows, samples):
        """Samples of windows on a harmonic profile: pull coordinate files and meta."""
        def make(path):
            os.makedirs(path)
            self.book.peer("umbrella_samples", path, windows, samples)
        return self._once(f"umbrella-{windows}-{samples}", make)
