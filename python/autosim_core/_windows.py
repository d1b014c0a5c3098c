"""One umbrella window under asyncio: a campaign folder of a single window."""
import asyncio
import math
from ctypes import byref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

import numpy as np

from . import _library as lib
from ._bias import choose, log_bias
from ._campaign import Campaign, run_options
from ._cores import cores, fit_threads, warn
from ._pca import PrincipalComponent, pca_struct
from ._requests import (check_seed, check_whole_number, fail, folder_lock,
                        positive_number_or_none, same_request, sha256, vector_sha256,
                        write_request)


@dataclass
class UmbrellaWindowConfig:
    """One window: V = force_constant/2 (p - center_position)^2, p the projection in nm
    on `pc_vector`.

    A `pc_vector` from extract_reaction_coordinates knows its atoms and its mean; for a
    plain array [3 N] give `atoms` (numbers in the topology, from 0) and `mean` [N, 3] in
    nm, `reference` where frames are not superposed on the mean, and `align_atoms` where
    they are superposed on other atoms than are analysed (the colvars bias can do that).
    """

    window_id: int
    pc_vector: Any
    force_constant: float  # kJ/(mol nm^2)
    center_position: float  # nm
    nsteps: int = 50000
    atoms: Optional[Any] = None
    mean: Optional[Any] = None
    reference: Optional[Any] = None
    temperature: Optional[float] = None  # K; None: the run input's
    seed: int = 0  # 0: random
    align_atoms: Optional[Any] = None  # of `reference`


def _is_carrier(vector):
    return isinstance(vector, PrincipalComponent) and vector.atoms is not None


def _component(config):
    """The vector with what it belongs to, from the vector itself or the fields."""
    given = config.pc_vector
    vector = np.asarray(given, dtype=np.float64)
    if vector.ndim != 1 or vector.size == 0 or vector.size % 3:
        fail(f"pc_vector has shape {vector.shape}; 3 numbers an atom in one row were "
             "expected")
    if not np.all(np.isfinite(vector)) or abs(np.linalg.norm(vector) - 1) > 1e-3:
        fail(f"pc_vector has the norm {np.linalg.norm(vector):g}; an eigenvector of "
             "norm 1 was expected")
    n = vector.size // 3
    carried = given if _is_carrier(given) else None
    atoms = config.atoms if carried is None else carried.atoms
    mean = config.mean if carried is None else carried.mean
    reference = config.reference if carried is None else carried.reference
    align_atoms = config.align_atoms if carried is None else carried.align_atoms
    if atoms is None or mean is None:
        fail("pc_vector is a plain array, which does not say what moves: pass "
             "result.pc1_eigenvector of extract_reaction_coordinates as it is, or give "
             "UmbrellaWindowConfig the fields atoms [N] and mean [N, 3] in nm")
    atoms = np.asarray(atoms).reshape(-1)
    mean = np.asarray(mean, dtype=np.float64).reshape(-1, 3)
    if reference is None:
        reference = mean - mean.mean(axis=0)
    reference = np.asarray(reference, dtype=np.float64).reshape(-1, 3)
    align_atoms = atoms if align_atoms is None else np.asarray(align_atoms).reshape(-1)
    if len(atoms) != n or len(mean) != n:
        fail(f"pc_vector is of {n} atoms, but atoms has {len(atoms)} and mean "
              f"{len(mean)}")
    if len(align_atoms) != len(reference):
        fail(f"reference has {len(reference)} positions for the {len(align_atoms)} "
             "atoms that frames are superposed on")
    source = None if carried is None else carried.source
    value = 1.0 if source is None else source.eigenvalue_nm2
    return pca_struct(vector, [value], atoms, mean, align_atoms, reference,
                      "the atoms of pc_vector", source), source


def _prepare_window(config, pca, source, topology_file, folder, wanted, engine):
    """Writes the folder of one window, unless it is there."""
    request = {
        "center_position_nm": float(config.center_position),
        "force_constant_kj_mol_nm2": float(config.force_constant),
        "nsteps": int(config.nsteps), "topology_sha256": sha256(topology_file),
        "pc_vector_sha256": vector_sha256(config.pc_vector),
        "seed": int(config.seed),
        "temperature_kelvin": positive_number_or_none("temperature", config.temperature),
        "bias": wanted}
    with folder_lock(folder):
        if not same_request(folder, request, "a window"):
            write_request(folder, request)
            _write_plan(config, pca, source, topology_file, folder, engine)


def _write_plan(config, pca, source, topology_file, folder, engine):
    library, error, plan = lib.library(), lib.Error(), lib.Plan()
    options = lib.PlanOptions(begin_nm=math.nan, end_nm=math.nan,
                              temperature_kelvin=positive_number_or_none(
                                  "temperature", config.temperature) or 0,
                              seed=int(config.seed), bias=engine.number,
                              double_precision=engine.double_precision)
    bias = lib.Bias(config.center_position, config.force_constant)
    with lib.Log(folder / "autosim_compute.log") as log:
        log_bias(log, engine)
        lib.check(library.asim_plan_one_window(
            byref(pca), lib.path(topology_file),
            *lib.paths(source.trajectories if source else []), byref(bias),
            config.nsteps, byref(options), lib.path(folder), log, byref(plan),
            byref(error)), error)
    library.asim_plan_finish(byref(plan))


async def launch_umbrella_window(config, topology_file, output_dir, gromacs_binary="gmx",
                                 num_threads=4, num_openmp_threads=1, *, retries=3,
                                 bias="auto"):
    """Runs one umbrella window with GROMACS; a WindowResult.

    `topology_file` is the run input (.tpr). The window lives in
    output_dir/window_NNN: launched again with the same configuration it goes on where
    it stopped, whoever was killed meanwhile. It starts from the frame nearest to the
    centre where the component knows its trajectory, else from the coordinates of the
    run input.

    num_threads ranks of num_openmp_threads each are pinned to cores of their own; fewer
    where this process may not use so many. Windows that find no free cores wait.
    Where the system is too small to be divided among ranks, or the bias is PLUMED's, one
    rank gets all threads.

    `bias` is who applies the restraint, as in `autosim plan`: "edi" (any GROMACS; its
    force leaves out a term, which is measured, and refused where it matters), "colvars"
    or "plumed" (exact), or "auto", the best that this GROMACS has. When the window ends,
    PC1 computed again from its trajectory must agree with its samples.

    A simulation that fails for good gives status 'Failed' with its cause; what is wrong
    with the request raises AutosimError with the library's message. Cancelling the task
    stops the simulation, with a checkpoint, before the cancellation is passed on.
    """
    pca, source = _component(config)
    check_whole_number("window_id", config.window_id, 0)
    check_whole_number("nsteps", config.nsteps)
    check_seed(config.seed)
    positive_number_or_none("temperature", config.temperature)
    folder = Path(output_dir) / f"window_{int(config.window_id):03d}"
    engine = await asyncio.to_thread(choose, gromacs_binary, bias, topology_file, folder)
    ranks, threads = await fit_threads(num_threads, num_openmp_threads)
    if engine.name == "plumed":
        ranks, threads = 1, ranks * threads
    lent = await cores.take(ranks * threads)
    try:
        while True:
            campaign = Campaign(
                folder, lent, run_options(gromacs_binary, 1, ranks, threads, retries),
                pca, lambda: _prepare_window(config, pca, source, topology_file, folder,
                                             bias, engine))
            result = replace((await campaign.run())[0], window_id=config.window_id)
            if ranks == 1 or result.status != "Failed" or \
                    "domain decomposition" not in result.cause + result.stderr:
                return result
            warn(f"window {config.window_id} is too small for {ranks} ranks: one rank "
                 f"of {ranks * threads} threads is used")
            ranks, threads = 1, ranks * threads
    finally:
        cores.give(lent)
