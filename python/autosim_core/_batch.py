"""A batch of windows along PC1 under asyncio: a campaign folder as the program makes it."""
import asyncio
import math
import time
from ctypes import byref, c_void_p
from pathlib import Path

import numpy as np

from . import _library as lib
from ._bias import choose, log_bias
from ._campaign import Campaign, run_options
from ._cores import cores, fit_threads
from ._pca import PCVectorResult, pca_struct
from ._requests import (check_seed, check_whole_number, fail, folder_lock, input_record,
                        number, positive_number, positive_number_or_none, same_request,
                        sha256, vector_sha256, write_json, write_request)

_last_result = None


def remember(result):
    """What a batch that is given no component uses."""
    global _last_result
    _last_result = result


def _prepare_batch(result, pca, topology_file, folder, bias, options, request):
    """A campaign folder as the program makes it: pca/, plan.json, windows/."""
    request = {**request, "topology_sha256": sha256(topology_file),
               "pc_vector_sha256": vector_sha256(result.pc1_eigenvector)}
    with folder_lock(folder):
        if not same_request(folder, request, "a batch"):
            _write_campaign(result, pca, topology_file, folder, bias, options, request)


def _write_campaign(result, pca, topology_file, folder, bias, options, request):
    library, error, plan = lib.library(), lib.Error(), lib.Plan()
    source = result.pc1_eigenvector.source
    topology = (c_void_p * lib.TOPOLOGY_POINTERS)()
    write_request(folder, request)
    (folder / "pca").mkdir(exist_ok=True)
    lib.check(library.asim_topology_read(lib.path(topology_file), topology,
                                         byref(error)), error)
    try:
        lib.check(library.asim_pca_write(byref(pca), topology, lib.path(folder / "pca"),
                                         byref(error)), error)
    finally:
        library.asim_topology_finish(topology)
    provenance = {"autosim_version": lib.__version__,
                  "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                  "topology": input_record(topology_file),
                  "trajectories": [input_record(name) for name in source.trajectories],
                  "options": {}}
    write_json(folder / "provenance.json", provenance)
    with lib.Log(folder / "autosim_compute.log") as log:
        log_bias(log, bias)
        lib.check(library.asim_plan_windows(
            byref(pca), lib.path(topology_file), *lib.paths(source.trajectories),
            byref(options), lib.path(folder), log, byref(plan), byref(error)), error)
    library.asim_plan_finish(byref(plan))


async def execute_autosim_batch(num_windows, max_concurrent_jobs, *, result=None,
                                topology_file=None, output_dir="autosim",
                                window_ns=1.0, center_range=None, force_constant=None,
                                temperature=None, seed=0, bias="auto",
                                gromacs_binary="gmx",
                                num_threads=1, num_openmp_threads=1, retries=3,
                                progress=None):
    """Plans windows along PC1 and runs them, at most so many at once; a list of
    WindowResult.

    `result` is of extract_reaction_coordinates (default: its last), from a Universe of
    files; `topology_file` the run input (default: the Universe's own, if it is a .tpr).
    Windows lie over `center_range` in nm (default: where 99% of the frames are).
    `bias` is who applies the restraint, as in `autosim plan`: "auto", "edi", "colvars"
    or "plumed" (with that, one rank has all threads of a window).
    `progress` is called with a list of dictionaries as in `autosim status --json` after
    every change. Failed windows are retried by cause; killed at any time, the same call
    goes on. The folder is a campaign of the program: `autosim pmf -C FOLDER` and
    `autosim report -C FOLDER` make the profile of it.
    """
    result = result or _last_result
    if not isinstance(result, PCVectorResult):
        fail("no principal components: call extract_reaction_coordinates first, or "
             "give its result")
    check_whole_number("num_windows", num_windows)
    check_whole_number("max_concurrent_jobs", max_concurrent_jobs)
    seed = check_seed(seed)
    window_ns = positive_number("window_ns", window_ns)
    force_constant = positive_number_or_none("force_constant", force_constant)
    temperature = positive_number_or_none("temperature", temperature)
    if center_range is not None:
        if np.shape(center_range) != (2,):
            fail(f"center_range {center_range!r}: two numbers in nm were expected")
        center_range = [number("center_range", end) for end in center_range]
    vector = result.pc1_eigenvector
    source = vector.source
    if source is None:
        fail("the components are not from trajectory files that windows could start "
             "from: load the Universe from XTC, TRR or DCD files without "
             "transformations")
    topology_file = topology_file or source.topology
    low, high = center_range or (math.nan, math.nan)
    folder = Path(output_dir)
    engine = await asyncio.to_thread(choose, gromacs_binary, bias, topology_file, folder)
    options = lib.PlanOptions(
        window_count=int(num_windows), begin_nm=low, end_nm=high,
        force_constant_kj_mol_nm2=force_constant or 0, window_ps=1000 * window_ns,
        temperature_kelvin=temperature or 0, seed=seed, bias=engine.number,
        double_precision=engine.double_precision)
    pca = pca_struct(result.eigenvectors, result.eigenvalues, vector.atoms, vector.mean,
                     vector.align_atoms, vector.reference, "the atoms of the Universe",
                     source, result.total_variance, projections=result.projections,
                     cosine_content=result.cosine_content, rmsip=result.rmsip)
    request = {"num_windows": int(num_windows), "window_ns": window_ns,
               "center_range": center_range and list(center_range),
               "force_constant": force_constant, "temperature": temperature,
               "seed": seed, "bias": bias}
    ranks, threads = await fit_threads(num_threads, num_openmp_threads)
    if engine.name == "plumed":
        ranks, threads = 1, ranks * threads
    width = ranks * threads
    jobs = max(1, min(int(max_concurrent_jobs), cores.available() // width))
    lent = await cores.take(jobs * width)
    try:
        campaign = Campaign(
            folder, lent, run_options(gromacs_binary, jobs, ranks, threads, retries),
            pca, lambda: _prepare_batch(result, pca, topology_file, folder, engine,
                                        options, request))
        return await campaign.run(progress)
    finally:
        cores.give(lent)
