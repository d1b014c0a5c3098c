"""Principal components of an MDAnalysis Universe."""
import ctypes
import math
from ctypes import POINTER, byref, c_double, c_float, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import _library as lib

# Topologies and trajectories that libautosim reads itself.
_TOPOLOGIES = {".tpr", ".gro", ".pdb", ".psf"}
_TRAJECTORIES = {"XTC", "TRR", "DCD"}
_PBC = ("auto", "whole", "nojump", "cluster", "none")  # in the order of the enum
_IN_MEMORY = 1 << 62  # no trajectory is larger


class _MeanPositions(np.ndarray):
    """Positions under the name `mean`, which is a method of every array too: called, it
    is that method of the eigenvector."""

    def __call__(self, *arguments, **options):
        return np.ndarray.mean(self.vector, *arguments, **options)


class PrincipalComponent(np.ndarray):
    """An eigenvector, x0 y0 z0 x1 ... of norm 1, that carries what it belongs to.

    atoms: numbers of the analysed atoms in the topology, from 0, [N].
    mean: their mean positions in nm after superposition, [N, 3].
    reference: positions in nm that frames are superposed on, [M, 3].
    align_atoms: the atoms that are superposed, [M].
    source: the files and projections it was made from (struct Source), or None.
    """

    _carried = ("atoms", "_mean_nm", "reference", "align_atoms", "source")

    def __new__(cls, values, atoms=None, mean=None, reference=None, align_atoms=None,
                source=None):
        self = np.array(values, dtype=np.float64, copy=True).view(cls)
        self.atoms, self._mean_nm, self.reference = atoms, mean, reference
        self.align_atoms = atoms if align_atoms is None else align_atoms
        self.source = source
        return self

    @property
    def mean(self):
        if self._mean_nm is None:
            return super().mean
        positions = self._mean_nm.view(_MeanPositions)
        positions.vector = np.asarray(self)
        return positions

    def __array_finalize__(self, source):
        # A part of an eigenvector is an eigenvector of nothing.
        whole = source is not None and self.shape == getattr(source, "shape", None)
        for name in self._carried:
            setattr(self, name, getattr(source, name, None) if whole else None)

    def __reduce__(self):
        rebuild, arguments, state = super().__reduce__()
        return rebuild, arguments, (state, [getattr(self, n) for n in self._carried])

    def __setstate__(self, state):
        super().__setstate__(state[0])
        for name, value in zip(self._carried, state[1]):
            setattr(self, name, value)


@dataclass
class Source:
    """Where windows may start from: frames by their projection on PC1."""

    topology: str
    trajectories: list
    projections_nm: np.ndarray  # [frames]
    times_ps: np.ndarray  # [frames]
    frame_indices: np.ndarray  # [frames] in the trajectories as one
    eigenvalue_nm2: float
    pbc: str
    system_atom_count: int = 0  # of the topology that numbers the atoms; 0: not known


@dataclass
class PCVectorResult:
    """Principal components. Lengths are nm, variances nm^2 (not Angstrom)."""

    pc1_eigenvector: PrincipalComponent = field(repr=False)  # [3 N]
    eigenvalue: float  # of PC1, nm^2
    variance_explained: float  # by PC1, from 0 to 1
    n_frames: int
    computation_time_ms: float
    n_atoms: int = 0
    eigenvalues: np.ndarray = field(default=None, repr=False)  # [K] nm^2, descending
    eigenvectors: np.ndarray = field(default=None, repr=False)  # [K, 3 N]
    projections: np.ndarray = field(default=None, repr=False)  # [K, frames] nm
    times: np.ndarray = field(default=None, repr=False)  # [frames] ps
    total_variance: float = math.nan  # nm^2
    cosine_content: np.ndarray = field(default=None, repr=False)  # [K]; > 0.5: diffusion
    rmsip: float = math.nan  # of the two halves
    mode: str = "memory"  # or "streaming"
    pbc: str = "none"  # how molecules were made whole
    peak_memory_mb: float = math.nan


def _array(pointer, *shape):
    return np.ctypeslib.as_array(pointer, shape=shape).copy()


def _atom_list(indices):
    numbers = np.ascontiguousarray(indices, dtype=np.uint32)
    atoms = lib.AtomList(numbers.size,
                         numbers.ctypes.data_as(POINTER(c_uint32)))
    atoms.keep = numbers  # as long as the list
    return atoms


def _result(pca, atoms, align, files=None):
    """`atoms` and `align` are numbers of the Universe, in the order of the library's."""
    n, k, frames, m = (pca.atom_count, pca.component_count, pca.frame_count,
                       pca.align_count)
    values = _array(pca.eigenvalues_nm2, k)
    vectors = _array(pca.eigenvectors, k, 3 * n)
    projections, times = _array(pca.projections_nm, k, frames), _array(pca.time_ps,
                                                                       frames)
    source = files and Source(*files, projections[0], times,
                              _array(pca.frame_indices, frames), float(values[0]),
                              _PBC[pca.pbc], pca.system_atom_count)
    return PCVectorResult(
        pc1_eigenvector=PrincipalComponent(
            vectors[0], atoms=np.array(atoms), align_atoms=np.array(align),
            mean=_array(pca.mean_nm, n, 3), reference=_array(pca.reference_nm, m, 3),
            source=source),
        eigenvalue=float(values[0]),
        variance_explained=float(values[0] / pca.total_variance_nm2),
        n_frames=frames, computation_time_ms=pca.computation_time_ms, n_atoms=n,
        eigenvalues=values, eigenvectors=vectors,
        projections=projections, times=times, total_variance=pca.total_variance_nm2,
        cosine_content=_array(pca.cosine_content, k), rmsip=pca.rmsip,
        mode="streaming" if pca.streaming else "memory", pbc=_PBC[pca.pbc],
        peak_memory_mb=pca.peak_memory_mb)


def _pointer(array, kind, dtype):
    array = np.ascontiguousarray(array, dtype=dtype)
    return array, array.ctypes.data_as(POINTER(kind))


def pca_struct(vectors, eigenvalues, atoms, mean, align_atoms, reference, selection,
               source=None, total_variance=None, **more):
    """struct asim_pca over arrays; what it points to lives as long as it does.

    Without a source it has no frames."""
    pca = lib.Pca()
    n, m = len(atoms), len(align_atoms)
    frames = 0 if source is None else len(source.times_ps)
    keep = []

    def put(name, array, kind=c_double, dtype=np.float64):
        held, pointer = _pointer(array, kind, dtype)
        keep.append(held)
        setattr(pca, name, pointer)

    pca.frame_count, pca.atom_count, pca.align_count = frames, n, m
    pca.component_count = len(eigenvalues)
    pca.system_atom_count = 0 if source is None else source.system_atom_count
    pca.align_same = np.array_equal(atoms, align_atoms)
    pca.pbc = _PBC.index("auto" if source is None else source.pbc)
    put("atom_indices", atoms, c_uint32, np.uint32)
    put("align_indices", align_atoms, c_uint32, np.uint32)
    put("eigenvalues_nm2", eigenvalues)
    put("eigenvectors", vectors)
    put("mean_nm", mean)
    put("reference_nm", reference)
    put("cosine_content", more.get("cosine_content", np.zeros(len(eigenvalues))))
    if source is not None:
        put("projections_nm", more.get("projections", source.projections_nm))
        put("time_ps", source.times_ps)
        put("frame_indices", source.frame_indices, c_uint64, np.uint64)
    pca.total_variance_nm2 = np.sum(eigenvalues) if total_variance is None else \
        total_variance
    pca.rmsip = more.get("rmsip", math.nan)
    pca.selection = selection.encode()[:399]
    pca.align_selection = pca.selection if pca.align_same else b"align_atoms"
    pca.keep = keep
    return pca


def _files(universe):
    """Topology and trajectory files that say all of the Universe; else None."""
    trajectory = universe.trajectory
    names = getattr(trajectory, "filenames", None)
    if names is None:
        names = [trajectory.filename]
    readers = getattr(trajectory, "readers", [trajectory])
    topology = universe.filename
    if (not isinstance(topology, (str, Path)) or
            any(not isinstance(name, (str, Path)) for name in names) or
            any(getattr(reader, "transformations", ()) for reader in
                [trajectory, *readers]) or
            any(str(reader.format).upper() not in _TRAJECTORIES for reader in readers)):
        return None
    paths = [Path(topology), *map(Path, names)]
    if paths[0].suffix.lower() not in _TOPOLOGIES or not all(map(Path.exists, paths)):
        return None
    absolute = [str(path.resolve()) for path in paths]
    return absolute[0], absolute[1:]


def _from_files(files, atoms, align, options, log):
    library = lib.library()
    topology, trajectories = files
    error, pca = lib.Error(), lib.Pca()
    own, fit = _atom_list(atoms), _atom_list(align)
    options.atoms = ctypes.pointer(own)
    options.align_atoms = ctypes.pointer(fit)
    lib.check(library.asim_extract_reaction_coordinates(
        lib.path(topology), *lib.paths(trajectories), byref(options), log, byref(pca),
        byref(error)), error)
    try:
        return _result(pca, atoms, align, files)
    finally:
        library.asim_pca_finish(byref(pca))


class _Frames:
    """The positions of some atoms of a Universe, frame by frame, for the library."""

    def __init__(self, universe, atoms):
        self.universe, self.atoms = universe, atoms
        self.problem = None
        self.positions = None
        trajectory = universe.trajectory
        self.reader = lib.FrameReader(None, len(atoms), len(trajectory), 0.1,
                                      lib.READ_FRAME(self._read))

    def _read(self, _, index, positions, _box, time):
        try:
            step = self.universe.trajectory[index]
            # Kept until the next frame: the library reads it there.
            self.positions = np.ascontiguousarray(step.positions[self.atoms],
                                                  dtype=np.float32)
            positions[0] = self.positions.ctypes.data_as(POINTER(c_float))
            time[0] = float(step.time)
            return 0
        except BaseException as problem:  # it cannot pass through C
            self.problem = problem
            return -1


def _from_frames(universe, atoms, align, options, log):
    library = lib.library()
    both = np.union1d(atoms, align)
    own, fit = (_atom_list(np.searchsorted(both, part)) for part in (atoms, align))
    options.atoms, options.align_atoms = ctypes.pointer(own), ctypes.pointer(fit)
    options.pbc = _PBC.index("none")  # what the Universe gives is what is meant
    frames = _Frames(universe, both)
    topology = (c_void_p * lib.TOPOLOGY_POINTERS)()
    trajectory, error, pca = c_void_p(), lib.Error(), lib.Pca()
    here = universe.trajectory.frame
    try:
        lib.check(library.asim_topology_of_atoms(len(both), topology, byref(error)),
                  error)
        lib.check(library.asim_trajectory_open_reader(
            byref(frames.reader), b"the Universe", byref(trajectory), byref(error)),
            error)
        code = library.asim_pca_compute(topology, trajectory, byref(options), log,
                                        byref(pca), byref(error))
        if frames.problem is not None:
            raise frames.problem
        lib.check(code, error)
        return _result(pca, atoms, align)
    finally:
        library.asim_pca_finish(byref(pca))
        library.asim_trajectory_close(trajectory)
        library.asim_topology_finish(topology)
        universe.trajectory[here]


def extract_reaction_coordinates(universe, atom_selection="protein and name CA",
                                 align_selection=None, memory_efficient=True, *,
                                 pbc="auto", begin=None, end=None, stride=1,
                                 components=10, threads=0):
    """Principal components of the selected atoms of an MDAnalysis Universe.

    Selections are MDAnalysis' own. Frames are superposed on their mean structure, by
    the atoms of `align_selection` or else by those analysed. A Universe that stands for
    a TPR, GRO, PDB or PSF file and XTC, TRR or DCD files, without transformations, is
    read by the library itself: fast, on all cores, without the GIL. Other Universes
    hand over their frames one by one.

    memory_efficient: True keeps coordinates in memory only where they fit; False always.
    pbc: "auto" makes molecules whole along the bonds of the topology file; "whole",
        "nojump" and "cluster" as in `autosim help pca`; "none" takes coordinates as
        they are.
    begin, end: in ps. stride: every so many frames.

    Positions and projections are nm, eigenvalues nm^2, whatever MDAnalysis uses. To keep
    an event loop going, call it in a thread: `await asyncio.to_thread(...)`.
    """
    if pbc not in _PBC:
        raise lib.UsageError(f"pbc {pbc!r}: {', '.join(_PBC[:-1])} or none was expected",
                             "usage", 2)
    atoms = np.unique(universe.select_atoms(atom_selection).indices)
    align = atoms if align_selection is None else \
        np.unique(universe.select_atoms(align_selection).indices)
    for name, chosen in ((atom_selection, atoms), (align_selection, align)):
        if len(chosen) == 0:
            raise lib.InputError(f"{name!r} selects no atom of the Universe", "input", 3)
    options = lib.PcaOptions(
        selection=atom_selection.encode(),
        align_selection=None if align_selection is None else align_selection.encode(),
        pbc=_PBC.index(pbc), memory_limit_bytes=0 if memory_efficient else _IN_MEMORY,
        begin_ps=math.nan if begin is None else begin,
        end_ps=math.nan if end is None else end, stride=stride,
        component_count=components, mean_tolerance_nm=1e-6, mean_iterations=50,
        thread_count=threads)
    files = _files(universe)
    with lib.Log() as log:
        if files:
            return _from_files(files, atoms, align, options, log)
        return _from_frames(universe, atoms, align, options, log)
