"""Umbrella windows under asyncio.

Each launch, and each batch, is a campaign folder of the library with a thread of its
own, in which everything that may take a moment is done; the event loop only watches the
campaign's descriptor. Windows that are launched at once share the cores of this process
and wait for each other where these are too few.
"""
import asyncio
import collections
import concurrent.futures
import contextlib
import hashlib
import json
import math
import os
import select
import threading
import time
from ctypes import byref, c_int, c_void_p
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import numpy as np

from . import _library as lib
from ._pca import PCVectorResult, PrincipalComponent, pca_struct

TAIL_LINES = 40
GRACE_SECONDS = 5.0  # for a checkpoint, before a window that is cancelled is killed


@dataclass
class UmbrellaWindowConfig:
    """One window: V = force_constant/2 (p - center_position)^2, p the projection in nm
    on `pc_vector`.

    A `pc_vector` from extract_reaction_coordinates knows its atoms and its mean; for a
    plain array [3 N] give `atoms` (numbers in the topology, from 0) and `mean` [N, 3] in
    nm, and `reference` where frames are not superposed on the mean.
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


@dataclass
class WindowResult:
    """How a window ended."""

    window_id: int
    status: str  # 'Completed', 'Failed', 'Running'
    exit_code: int
    ns_per_day: float  # nan: not known
    final_potential_energy: float  # kJ/mol; nan: not known
    runtime_seconds: float
    attempts: int = 0
    cause: str = ""  # why it failed, in words
    stdout: str = field(default="", repr=False)  # the last lines of gmx
    stderr: str = field(default="", repr=False)
    directory: Optional[Path] = None  # its files; bias.xvg has the samples


class _Cores:
    """The cores of this process, lent to campaigns; first come, first served."""

    def __init__(self):
        self._lock = threading.Lock()
        self._free = None
        self._waiting = collections.deque()
        self.count = 0

    def _open(self):
        if self._free is None:
            allowed = sorted(os.sched_getaffinity(0))
            self._free = allowed[:lib.library().asim_cores_available()]
            self.count = len(self._free)

    def available(self):
        with self._lock:
            self._open()
            return self.count

    def _serve(self):
        while self._waiting and len(self._free) >= self._waiting[0][0]:
            width, loop, future = self._waiting.popleft()
            cores, self._free = self._free[:width], self._free[width:]
            loop.call_soon_threadsafe(self._hand_over, future, cores)

    def _hand_over(self, future, cores):
        if future.done():  # cancelled meanwhile
            self.give(cores)
        else:
            future.set_result(cores)

    async def take(self, width):
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._lock:
            self._open()
            self._waiting.append((width, loop, future))
            self._serve()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.give(future.result())
            with self._lock:
                self._waiting = collections.deque(
                    entry for entry in self._waiting if entry[2] is not future)
                self._serve()
            raise

    def give(self, cores):
        with self._lock:
            self._free = sorted(self._free + cores)
            self._serve()


_cores = _Cores()


class _Campaign:
    """A campaign folder at work. Methods that block run in its thread."""

    def __init__(self, folder, cores, options, prepare):
        self.folder, self.cores, self.options = Path(folder), cores, options
        self.prepare = prepare  # makes the folder where it is not made yet
        self.handle = c_void_p()
        self.log = c_void_p()
        self.fd = -1
        self.thread = concurrent.futures.ThreadPoolExecutor(
            1, thread_name_prefix="autosim")

    def _open(self):
        library, error = lib.library(), lib.Error()
        self.prepare()
        log = os.fsencode(self.folder / "autosim_compute.log")
        lib.check(library.asim_log_open(log, byref(self.log), byref(error)), error)
        lib.check(library.asim_campaign_open(lib.path(self.folder), self.log,
                                             byref(self.handle), byref(error)), error)
        for i in range(library.asim_campaign_window_count(self.handle)):
            lib.check(library.asim_campaign_retry(self.handle, i, byref(error)), error)
        cores = (c_int * len(self.cores))(*self.cores)
        lib.check(library.asim_campaign_start_on_cores(
            self.handle, byref(self.options), cores, len(cores), byref(error)), error)
        self.fd = library.asim_event_fd(self.handle)

    def _status(self):
        library, error, text = lib.library(), lib.Error(), c_void_p()
        lib.check(library.asim_status_json(self.handle, byref(text), byref(error)),
                  error)
        return json.loads(lib.take_text(text))["windows"]

    def _step(self):
        """Does what is due; the windows, and whether nothing is left to do."""
        library, error, event = lib.library(), lib.Error(), lib.Event()
        idle = False
        while lib.check(library.asim_next_event(self.handle, byref(event), byref(error)),
                        error):
            idle = idle or event.kind == lib.NEWS_IDLE
        windows = self._status()
        ended = all(window["status"] in ("Completed", "Failed", "Cancelled")
                    for window in windows)
        return windows, idle or ended

    def _stop(self):
        """Every window of this campaign is at rest when it returns."""
        library = lib.library()
        if self.fd < 0:
            return
        library.asim_campaign_stop(self.handle)
        killed, deadline = False, time.monotonic() + GRACE_SECONDS
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        while not self._step()[1]:
            poll.poll(200)
            if not killed and time.monotonic() > deadline:
                library.asim_campaign_stop(self.handle)
                killed = True

    def _close(self):
        library = lib.library()
        library.asim_campaign_close(self.handle)
        library.asim_log_close(self.log)
        self.handle, self.log, self.fd = c_void_p(), c_void_p(), -1

    async def _readable(self):
        loop = asyncio.get_running_loop()
        ready = loop.create_future()

        def tell():
            loop.remove_reader(self.fd)
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(self.fd, tell)
        try:
            await ready
        finally:
            loop.remove_reader(self.fd)

    async def _in_thread(self, function):
        """Waits for the function to end, also where this task is cancelled meanwhile:
        the library is never left in the middle of something."""
        future = self.thread.submit(function)
        cancelled = None
        while True:
            try:
                result = await asyncio.shield(asyncio.wrap_future(future))
                break
            except asyncio.CancelledError as request:
                if future.cancelled():
                    raise
                cancelled = request
                if future.done():
                    break
        if cancelled is not None:
            if future.exception() is not None:
                raise future.exception()
            raise cancelled
        return result

    async def run(self, progress=None):
        """Runs the windows to their end; a list of dictionaries as in status --json.
        Cancelled, it stops them and ends when they have ended."""
        try:
            try:
                await self._in_thread(self._open)
                while True:
                    windows, ended = await self._in_thread(self._step)
                    if progress:
                        progress(windows)
                    if ended:
                        return windows
                    await self._readable()
            except BaseException:
                with contextlib.suppress(asyncio.CancelledError, lib.AutosimError):
                    await self._in_thread(self._stop)
                raise
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await self._in_thread(self._close)
            self.thread.shutdown(wait=False)


def _fail(message):
    raise lib.UsageError(message, "usage", 2)


def _is_carrier(vector):
    return isinstance(vector, PrincipalComponent) and vector.atoms is not None


def _component(config):
    """The vector with what it belongs to, from the vector itself or the fields."""
    given = config.pc_vector
    vector = np.asarray(given, dtype=np.float64)
    if vector.ndim != 1 or vector.size == 0 or vector.size % 3:
        _fail(f"pc_vector has shape {vector.shape}; 3 numbers an atom in one row were "
              "expected")
    if not np.all(np.isfinite(vector)) or abs(np.linalg.norm(vector) - 1) > 1e-3:
        _fail(f"pc_vector has the norm {np.linalg.norm(vector):g}; an eigenvector of "
              "norm 1 was expected")
    n = vector.size // 3
    carried = given if _is_carrier(given) else None
    atoms = config.atoms if carried is None else carried.atoms
    mean = config.mean if carried is None else carried.mean
    reference = config.reference if carried is None else carried.reference
    if atoms is None or mean is None:
        _fail("pc_vector is a plain array, which does not say what moves: pass "
              "result.pc1_eigenvector of extract_reaction_coordinates as it is, or give "
              "UmbrellaWindowConfig the fields atoms [N] and mean [N, 3] in nm")
    atoms = np.asarray(atoms).reshape(-1)
    mean = np.asarray(mean, dtype=np.float64).reshape(-1, 3)
    if reference is None:
        reference = mean - mean.mean(axis=0)
    reference = np.asarray(reference, dtype=np.float64).reshape(-1, 3)
    if len(atoms) != n or len(mean) != n:
        _fail(f"pc_vector is of {n} atoms, but atoms has {len(atoms)} and mean "
              f"{len(mean)}")
    if carried is not None and not np.array_equal(carried.align_atoms, carried.atoms):
        _fail("the component was made with align_selection; a window superposes the "
              "atoms that are analysed: leave align_selection out")
    source = None if carried is None else carried.source
    value = 1.0 if source is None else source.eigenvalue_nm2
    return pca_struct(vector, [value], atoms, mean, reference, "the atoms of pc_vector",
                      source), source


def _check_threads(ranks, threads):
    for name, count in (("num_threads", ranks), ("num_openmp_threads", threads)):
        if not isinstance(count, (int, np.integer)) or count < 1:
            _fail(f"{name} {count!r}: a whole number of at least 1 was expected")


def _fit_threads(ranks, threads, log):
    """What was asked for, or as much of it as there are cores."""
    _check_threads(ranks, threads)
    cores = _cores.available()
    if ranks * threads <= cores:
        return ranks, threads
    fitting = max(1, cores // threads), min(threads, cores)
    log(f"{ranks} x {threads} threads a window are more than the {cores} cores that may "
        f"be used: {fitting[0]} x {fitting[1]} are used")
    return fitting


def _run_options(gromacs, jobs, ranks, threads, retries):
    return lib.RunOptions(
        gromacs=None if gromacs == "gmx" else os.fsencode(gromacs), jobs=jobs,
        ntmpi=ranks, ntomp=threads, retries=retries, maxh=0, checkpoint_minutes=5,
        launch_all=True)


def _tail(path):
    try:
        with open(path, errors="replace") as lines:
            return "".join(collections.deque(lines, TAIL_LINES))
    except OSError:
        return ""


def _result(window, folder, window_id):
    directory = folder / "windows" / f"{window['window_id']:03d}"
    attempt = directory / f"attempt-{window['attempts']}"

    def number(key):
        value = window.get(key)
        return math.nan if value is None else float(value)

    return WindowResult(
        window_id, window["status"], window["exit_code"], number("ns_per_day"),
        number("final_potential_energy_kj_mol"), number("runtime_seconds"),
        window["attempts"], window["cause"], _tail(f"{attempt}.stdout"),
        _tail(f"{attempt}.stderr"), directory)


def _log(message):
    import logging
    logging.getLogger("autosim").warning(message)


def _sha256(path):
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as data:
            for block in iter(lambda: data.read(1 << 20), b""):
                digest.update(block)
    except OSError as problem:
        raise lib.InputError(f"cannot read '{path}': {problem.strerror}", "input",
                             3) from None
    return digest.hexdigest()


def _same_request(folder, request, what):
    """True where this folder was made for the same; raises where for another."""
    path = folder / "request.json"
    if not (folder / "plan.json").exists():
        return False
    try:
        before = json.loads(path.read_text())
    except (OSError, ValueError):
        before = None
    if before == request:
        return True
    differing = [key for key in request if (before or {}).get(key) != request[key]]
    _fail(f"'{folder}' holds {what} with another {', '.join(differing)}: choose another "
          "output_dir, or remove the folder")


def _write_request(folder, request):
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / "request.json.new"
    beside.write_text(json.dumps(request, indent=1) + "\n")
    os.replace(beside, folder / "request.json")


def _prepare_window(config, pca, source, topology_file, folder):
    """Writes the folder of one window, unless it is there."""
    library, error, plan = lib.library(), lib.Error(), lib.Plan()
    request = {
        "center_position_nm": float(config.center_position),
        "force_constant_kj_mol_nm2": float(config.force_constant),
        "nsteps": int(config.nsteps), "topology_sha256": _sha256(topology_file),
        "pc_vector_sha256": hashlib.sha256(np.ascontiguousarray(
            config.pc_vector, dtype=np.float64).tobytes()).hexdigest(),
        "seed": int(config.seed), "temperature_kelvin": config.temperature}
    if _same_request(folder, request, "a window"):
        return
    _write_request(folder, request)
    options = lib.PlanOptions(begin_nm=math.nan, end_nm=math.nan,
                              temperature_kelvin=config.temperature or 0,
                              seed=config.seed)
    bias = lib.Bias(config.center_position, config.force_constant)
    with lib.Log() as log:
        lib.check(library.asim_plan_one_window(
            byref(pca), lib.path(topology_file),
            *lib.paths(source.trajectories if source else []), byref(bias),
            config.nsteps, byref(options), lib.path(folder), log, byref(plan),
            byref(error)), error)
    library.asim_plan_finish(byref(plan))


async def launch_umbrella_window(config, topology_file, output_dir, gromacs_binary="gmx",
                                 num_threads=4, num_openmp_threads=1, *, retries=3):
    """Runs one umbrella window with GROMACS; a WindowResult.

    `topology_file` is the run input (.tpr). The window lives in
    output_dir/window_NNN: launched again with the same configuration it goes on where
    it stopped, whoever was killed meanwhile. It starts from the frame nearest to the
    centre where the component knows its trajectory, else from the coordinates of the
    run input.

    num_threads ranks of num_openmp_threads each are pinned to cores of their own; fewer
    where this process may not use so many. Windows that find no free cores wait.
    Where the system is too small to be divided among ranks, one rank gets all threads.

    A simulation that fails for good gives status 'Failed' with its cause; what is wrong
    with the request raises AutosimError with the library's message. Cancelling the task
    stops the simulation, with a checkpoint, before the cancellation is passed on.
    """
    pca, source = _component(config)
    if not isinstance(config.window_id, (int, np.integer)) or config.window_id < 0:
        _fail(f"window_id {config.window_id!r}: a whole number from 0 was expected")
    folder = Path(output_dir) / f"window_{int(config.window_id):03d}"
    ranks, threads = _fit_threads(num_threads, num_openmp_threads, _log)
    cores = await _cores.take(ranks * threads)
    try:
        while True:
            options = _run_options(gromacs_binary, 1, ranks, threads, retries)
            campaign = _Campaign(
                folder, cores, options,
                lambda: _prepare_window(config, pca, source, topology_file, folder))
            result = _result((await campaign.run())[0], folder, config.window_id)
            if ranks == 1 or result.status != "Failed" or \
                    "domain decomposition" not in result.cause + result.stderr:
                return result
            _log(f"window {config.window_id} is too small for {ranks} ranks: one rank "
                 f"of {ranks * threads} threads is used")
            ranks, threads = 1, ranks * threads
    finally:
        _cores.give(cores)


_last_result = None


def remember(result):
    """What a batch that is given no component uses."""
    global _last_result
    _last_result = result


def _input_record(path):
    path = Path(path).resolve()
    status = path.stat()
    return {"path": str(path), "sha256": _sha256(path), "size_bytes": status.st_size,
            "modified_ns": status.st_mtime_ns}


def _prepare_batch(result, topology_file, folder, options, request):
    """A campaign folder as the program makes it: pca/, plan.json, windows/."""
    if _same_request(folder, request, "a batch"):
        return
    library, error, plan = lib.library(), lib.Error(), lib.Plan()
    vector, source = result.pc1_eigenvector, result.pc1_eigenvector.source
    pca = pca_struct(result.eigenvectors, result.eigenvalues, vector.atoms, vector.mean,
                     vector.reference, "the atoms of the Universe", source,
                     result.total_variance, projections=result.projections,
                     cosine_content=result.cosine_content, rmsip=result.rmsip)
    topology = (c_void_p * 64)()
    _write_request(folder, request)
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
                  "topology": _input_record(topology_file),
                  "trajectories": [_input_record(name) for name in source.trajectories],
                  "options": {}}
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n")
    with lib.Log() as log:
        lib.check(library.asim_plan_windows(
            byref(pca), lib.path(topology_file), *lib.paths(source.trajectories),
            byref(options), lib.path(folder), log, byref(plan), byref(error)), error)
    library.asim_plan_finish(byref(plan))


async def execute_autosim_batch(num_windows, max_concurrent_jobs, *, result=None,
                                topology_file=None, output_dir="autosim",
                                window_ns=1.0, center_range=None, force_constant=None,
                                temperature=None, seed=0, gromacs_binary="gmx",
                                num_threads=1, num_openmp_threads=1, retries=3,
                                progress=None):
    """Plans windows along PC1 and runs them, at most so many at once; a list of
    WindowResult.

    `result` is of extract_reaction_coordinates (default: its last), from a Universe of
    files; `topology_file` the run input (default: the Universe's own, if it is a .tpr).
    Windows lie over `center_range` in nm (default: where 99% of the frames are).
    `progress` is called with a list of dictionaries as in `autosim status --json` after
    every change. Failed windows are retried by cause; killed at any time, the same call
    goes on. The folder is a campaign of the program: `autosim pmf -C FOLDER` and
    `autosim report -C FOLDER` make the profile of it.
    """
    result = result or _last_result
    if not isinstance(result, PCVectorResult):
        _fail("no principal components: call extract_reaction_coordinates first, or "
              "give its result")
    for name, count in (("num_windows", num_windows),
                        ("max_concurrent_jobs", max_concurrent_jobs)):
        if not isinstance(count, (int, np.integer)) or count < 1:
            _fail(f"{name} {count!r}: a whole number of at least 1 was expected")
    source = result.pc1_eigenvector.source
    if source is None:
        _fail("the components are not from trajectory files that windows could start "
              "from: load the Universe from XTC, TRR or DCD files without "
              "transformations")
    topology_file = topology_file or source.topology
    low, high = center_range or (math.nan, math.nan)
    options = lib.PlanOptions(
        window_count=int(num_windows), begin_nm=low, end_nm=high,
        force_constant_kj_mol_nm2=force_constant or 0, window_ps=1000 * window_ns,
        temperature_kelvin=temperature or 0, seed=seed)
    request = {"num_windows": int(num_windows), "window_ns": window_ns,
               "center_range": center_range and list(center_range),
               "force_constant": force_constant, "temperature": temperature,
               "seed": seed, "topology_sha256": _sha256(topology_file),
               "pc_vector_sha256": hashlib.sha256(
                   np.asarray(result.pc1_eigenvector).tobytes()).hexdigest()}
    ranks, threads = _fit_threads(num_threads, num_openmp_threads, _log)
    width = ranks * threads
    jobs = max(1, min(int(max_concurrent_jobs), _cores.available() // width))
    folder = Path(output_dir)
    cores = await _cores.take(jobs * width)
    try:
        campaign = _Campaign(
            folder, cores, _run_options(gromacs_binary, jobs, ranks, threads, retries),
            lambda: _prepare_batch(result, topology_file, folder, options, request))
        windows = await campaign.run(progress)
    finally:
        _cores.give(cores)
    return [_result(window, folder, window["window_id"]) for window in windows]


def print_window_status_table(results):
    """Prints how windows ended, a line each."""
    heads = ("Window ID", "Status", "ns/day", "Exit Code", "Energy (kJ/mol)", "Time (s)")

    def shown(value, digits):
        return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"

    rows = [heads] + [(str(one.window_id), one.status, shown(one.ns_per_day, 2),
                       str(one.exit_code), shown(one.final_potential_energy, 2),
                       shown(one.runtime_seconds, 1)) for one in results]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    for i, row in enumerate(rows):
        print(" | ".join(cell.ljust(width) if j == 1 else cell.rjust(width)
                         for j, (cell, width) in enumerate(zip(row, widths))))
        if i == 0:
            print("-|-".join("-" * width for width in widths))
