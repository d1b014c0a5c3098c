#!/usr/bin/env python3
"""Principal components of an MDAnalysis Universe against numpy.

    test_components.py
"""
import os
import pickle
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                                "python"))
try:
    import MDAnalysis as mda
    import numpy as np
    from MDAnalysis.coordinates.memory import MemoryReader
except ImportError as error:
    print("skipped:", error)
    sys.exit(77)

from autosim_core.autosim_hpc_orchestrator import (AutosimError, InputError,
                                                   PrincipalComponent, UsageError,
                                                   extract_reaction_coordinates)


def make_universe(n_atoms=30, n_frames=120):
    """A bending chain that also turns and drifts, in Angstrom."""
    generator = np.random.default_rng(5)
    universe = mda.Universe.empty(n_atoms, n_residues=n_atoms,
                                  atom_resindex=np.arange(n_atoms), trajectory=False)
    universe.add_TopologyAttr("name", ["CA" if i % 3 else "CB" for i in range(n_atoms)])
    universe.add_TopologyAttr("resname", ["ALA"] * n_atoms)
    rest = np.cumsum(generator.normal(scale=2, size=(n_atoms, 3)), axis=0)
    bend = generator.normal(size=(n_atoms, 3))
    frames = []
    for i in range(n_frames):
        frame = (rest + np.sin(i / 9) * bend
                 + generator.normal(scale=0.1, size=(n_atoms, 3)))
        turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
        turn *= np.sign(np.linalg.det(turn))
        frames.append(frame @ turn.T + generator.normal(scale=5, size=3))
    universe.load_new(np.array(frames, dtype=np.float32), format=MemoryReader)
    return universe


def superpose(frames, reference):
    out = []
    for frame in frames:
        centred = frame - frame.mean(axis=0)
        u, _, v = np.linalg.svd(centred.T @ reference)
        flip = np.diag([1, 1, np.sign(np.linalg.det(u @ v))])
        out.append(centred @ u @ flip @ v)
    return np.array(out)


def by_numpy(universe, selection):
    """Eigenvalues in nm^2 and PC1, superposed on the iterated mean."""
    group = universe.select_atoms(selection)
    frames = np.array([group.positions.astype(float) for _ in universe.trajectory]) / 10
    mean = frames[0] - frames[0].mean(axis=0)
    for _ in range(100):
        fitted = superpose(frames, mean)
        mean, before = fitted.mean(axis=0), mean
        if np.sqrt(((mean - before) ** 2).sum() / len(mean)) < 1e-8:
            break
    values, vectors = np.linalg.eigh(np.cov(fitted.reshape(len(frames), -1).T))
    vector = vectors[:, -1]
    return values[::-1], vector * np.sign(vector[np.argmax(abs(vector))]), mean


def agrees_with_numpy():
    universe = make_universe()
    values, vector, mean = by_numpy(universe, "name CA")
    universe.trajectory[7]
    for efficient in (True, False):
        result = extract_reaction_coordinates(universe, "name CA",
                                              memory_efficient=efficient)
        assert universe.trajectory.frame == 7, "the frame of the Universe has moved"
        assert np.allclose(result.eigenvalues, values[:10], rtol=1e-4), "eigenvalues"
        assert result.eigenvalue == result.eigenvalues[0]
        assert abs(result.pc1_eigenvector @ vector) > 1 - 1e-6, "PC1"
        assert np.isclose(result.variance_explained, values[0] / values.sum(),
                          rtol=1e-4)
        assert result.n_frames == 120 and result.n_atoms == 20
        assert result.projections.shape == (10, 120)
        assert np.isclose(result.projections[0].var(ddof=1), result.eigenvalue)
        assert result.computation_time_ms > 0


def carries_what_it_belongs_to():
    universe = make_universe()
    result = extract_reaction_coordinates(universe, "name CA", "name CB")
    vector = result.pc1_eigenvector
    assert isinstance(vector, PrincipalComponent) and isinstance(vector, np.ndarray)
    assert vector.shape == (60,) and np.isclose(np.linalg.norm(vector), 1)
    assert np.array_equal(vector.atoms, universe.select_atoms("name CA").indices)
    assert np.array_equal(vector.align_atoms, universe.select_atoms("name CB").indices)
    assert vector.mean.shape == (20, 3) and vector.reference.shape == (10, 3)
    assert 0 < np.ptp(vector.mean) < 10, "not in nm"
    assert np.isclose(np.mean(vector), np.asarray(vector).mean()), "np.mean is broken"
    assert np.isclose(vector.mean(), np.asarray(vector).mean())
    again = pickle.loads(pickle.dumps(vector))
    assert np.array_equal(again.mean, vector.mean) and np.array_equal(again, vector)
    assert (-vector).atoms is not None and vector[:3].atoms is None


def files_and_frames_agree(folder):
    """The same frames, read by the library and handed over by MDAnalysis."""
    memory = make_universe()
    pdb, xtc = os.path.join(folder, "a.pdb"), os.path.join(folder, "ä b.xtc")
    memory.dimensions = [200, 200, 200, 90, 90, 90]
    memory.atoms.write(pdb)
    with mda.Writer(xtc, memory.atoms.n_atoms) as out:
        for _ in memory.trajectory:
            memory.dimensions = [200, 200, 200, 90, 90, 90]
            out.write(memory.atoms)
    files = mda.Universe(pdb, xtc)
    by_file = extract_reaction_coordinates(files, "name CA", pbc="none")
    assert by_file.pc1_eigenvector.source.trajectories == [os.path.realpath(xtc)]
    files.trajectory.add_transformations(lambda step: step)
    by_frame = extract_reaction_coordinates(files, "name CA")
    assert by_frame.pc1_eigenvector.source is None
    assert np.allclose(by_file.eigenvalues, by_frame.eigenvalues, rtol=1e-4)
    assert np.allclose(by_file.pc1_eigenvector, by_frame.pc1_eigenvector, atol=1e-4)
    two = mda.Universe(pdb, [xtc, xtc])  # the same times again: they count once
    assert extract_reaction_coordinates(two, "name CA", pbc="none").n_frames == 120
    half = extract_reaction_coordinates(mda.Universe(pdb, xtc), "name CA", pbc="none",
                                        stride=2)
    assert half.n_frames == 60


def errors_are_the_librarys():
    def error(kind, words, *arguments, **options):
        try:
            extract_reaction_coordinates(make_universe(), *arguments, **options)
        except kind as problem:
            assert isinstance(problem, AutosimError), problem
            assert all(word in str(problem) for word in words), problem
            return problem
        raise AssertionError(f"nothing was raised for {arguments} {options}")

    assert error(InputError, ["no atom"], "name XX").exit_code == 3
    assert error(InputError, ["at least 3"], "bynum 1:2").status == "input"
    assert error(UsageError, ["stride"], "name CA", stride=0).exit_code == 2
    error(UsageError, ["cluster or none"], "name CA", pbc="jump")
    error(InputError, ["1 frame"], "name CA", begin=119)

    class Gone(MemoryReader):
        def __getitem__(self, frame):
            if frame > 3:
                raise OSError("the disk is gone")
            return super().__getitem__(frame)

    universe = make_universe()
    universe.trajectory = Gone(universe.trajectory.get_array())
    try:
        extract_reaction_coordinates(universe, "name CA")
    except OSError as problem:
        assert "disk is gone" in str(problem), problem
    else:
        raise AssertionError("an error of MDAnalysis was swallowed")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        agrees_with_numpy()
        carries_what_it_belongs_to()
        files_and_frames_agree(folder)
        errors_are_the_librarys()
        log = open("autosim_compute.log").read()
        assert "| INFO     |" in log and "atoms analysed" in log, log
        os.chdir("/")


if __name__ == "__main__":
    main()
