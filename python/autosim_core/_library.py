"""libautosim through ctypes: where it is, its structures, its errors.

The structures mirror include/autosim; tests/python compares every offset. Library and
package belong together: another version of the library is refused when it is loaded.
"""
import ctypes
import os
import threading
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_bool, c_char, c_char_p,
                    c_double, c_float, c_int, c_int64, c_size_t, c_uint32, c_uint64,
                    c_void_p)
from pathlib import Path

__version__ = "0.1.0"


class AutosimError(RuntimeError):
    """A failure in libautosim. The text is the library's own sentence.

    `status` is the library's status by name, `exit_code` what the program would end
    with: 1 failure, 2 usage, 3 bad input, 4 environment, 5 windows given up, 6 quality,
    75 locked.
    """

    def __init__(self, message, status="failure", exit_code=1):
        super().__init__(message)
        self.status = status
        self.exit_code = exit_code


class UsageError(AutosimError, ValueError):
    """Arguments that are wrong or contradict each other."""


class InputError(AutosimError, ValueError):
    """A file, a selection or an array is wrong, damaged, or does not fit."""


class EnvironmentProblem(AutosimError, OSError):
    """What this machine must offer is missing: gmx, memory, disk, permission."""

    def __init__(self, message, status="environment", exit_code=4):
        AutosimError.__init__(self, message, status, exit_code)


class CampaignLocked(AutosimError):
    """Another process works in this folder."""


# In the order of enum asim_status.
_STATUSES = (("ok", AutosimError), ("failure", AutosimError), ("usage", UsageError),
             ("input", InputError), ("io", EnvironmentProblem),
             ("memory", EnvironmentProblem), ("environment", EnvironmentProblem),
             ("windows", AutosimError), ("quality", AutosimError),
             ("locked", CampaignLocked), ("cancelled", AutosimError))


# Large enough for struct asim_topology, which is the library's business alone.
TOPOLOGY_POINTERS = 64
_ROOM = 512  # behind structures that grow: what is new there is 0


class Error(Structure):
    _fields_ = [("status", c_int), ("text", c_char * 1000)]


class AtomList(Structure):
    _fields_ = [("count", c_size_t), ("index", POINTER(c_uint32))]


class PcaOptions(Structure):
    _fields_ = [("selection", c_char_p), ("align_selection", c_char_p),
                ("ndx_path", c_char_p), ("residues", c_char_p), ("atoms", POINTER(AtomList)),
                ("align_atoms", POINTER(AtomList)), ("pbc", c_int), ("reference", c_int),
                ("memory", c_int), ("precision", c_int),
                ("memory_limit_bytes", c_uint64), ("begin_ps", c_double),
                ("end_ps", c_double), ("stride", c_size_t),
                ("component_count", c_size_t), ("mean_tolerance_nm", c_double),
                ("mean_iterations", c_int), ("thread_count", c_int),
                ("scratch_folder", c_char_p), ("reference_path", c_char_p),
                ("fit_weights", c_int), ("pca_weights", c_int),
                ("_room", c_char * _ROOM)]


class Pca(Structure):
    _fields_ = [("frame_count", c_size_t), ("system_atom_count", c_size_t),
                ("atom_count", c_size_t),
                ("component_count", c_size_t), ("atom_indices", POINTER(c_uint32)),
                ("align_count", c_size_t), ("align_indices", POINTER(c_uint32)),
                ("eigenvalues_nm2", POINTER(c_double)),
                ("eigenvectors", POINTER(c_double)), ("mean_nm", POINTER(c_double)),
                ("reference_nm", POINTER(c_double)),
                ("projections_nm", POINTER(c_double)), ("time_ps", POINTER(c_double)),
                ("frame_indices", POINTER(c_uint64)), ("total_variance_nm2", c_double),
                ("cosine_content", POINTER(c_double)), ("rmsip", c_double),
                ("pbc", c_int), ("streaming", c_bool), ("align_same", c_bool),
                ("computation_time_ms", c_double), ("peak_memory_mb", c_double),
                ("selection", c_char * 400), ("align_selection", c_char * 400),
                ("plan", c_char * 400), ("storage", c_void_p),
                ("reference", c_int), ("fit_weights", POINTER(c_double)),
                ("pca_scales", POINTER(c_double)), ("_room", c_char * _ROOM)]


READ_FRAME = CFUNCTYPE(c_int, c_void_p, c_size_t, POINTER(POINTER(c_float)),
                       POINTER(c_float), POINTER(c_double))


class FrameReader(Structure):
    _fields_ = [("context", c_void_p), ("atom_count", c_size_t),
                ("frame_count", c_size_t), ("nm_per_unit", c_float),
                ("read", READ_FRAME)]


class Bias(Structure):
    _fields_ = [("centre_nm", c_double), ("force_constant_kj_mol_nm2", c_double)]


class PlanOptions(Structure):
    _fields_ = [("window_count", c_int), ("begin_nm", c_double), ("end_nm", c_double),
                ("force_constant_kj_mol_nm2", c_double), ("window_ps", c_double),
                ("sample_ps", c_double), ("temperature_kelvin", c_double),
                ("seed", c_uint64), ("bias", c_int), ("double_precision", c_bool),
                ("_room", c_char * _ROOM)]


class Plan(Structure):
    _fields_ = [("window_count", c_size_t), ("windows", c_void_p),
                ("temperature_kelvin", c_double), ("spacing_nm", c_double),
                ("dt_ps", c_double), ("_room", c_char * _ROOM)]


class Gromacs(Structure):
    _fields_ = [("path", c_char * 4096), ("version", c_char * 64), ("year", c_int),
                ("patch", c_int), ("thread_mpi", c_bool), ("mpi", c_bool),
                ("double_precision", c_bool), ("colvars", c_bool), ("plumed", c_bool),
                ("colvars_why", c_char * 160), ("plumed_why", c_char * 160),
                ("simd", c_char * 32), ("gpu", c_char * 32), ("_room", c_char * _ROOM)]


class WindowChecker(Structure):
    _fields_ = [("pca", POINTER(Pca)), ("top", c_void_p), ("log", c_void_p)]


class RunOptions(Structure):
    _fields_ = [("gromacs", c_char_p), ("jobs", c_int), ("ntmpi", c_int),
                ("ntomp", c_int), ("retries", c_int), ("maxh", c_double),
                ("checkpoint_minutes", c_double), ("launch_all", c_bool),
                ("_room", c_char * _ROOM)]


class Event(Structure):
    _fields_ = [("kind", c_int), ("_room", c_char * (2 * _ROOM))]


NEWS_IDLE = 1  # ASIM_NEWS_IDLE
LOG_INFO = 1  # ASIM_LOG_INFO

# What a structure is called in C.
STRUCTURES = {Error: "asim_error", AtomList: "asim_atom_list",
              PcaOptions: "asim_pca_options", Pca: "asim_pca",
              FrameReader: "asim_frame_reader", Bias: "asim_bias",
              PlanOptions: "asim_plan_options", Plan: "asim_plan",
              Gromacs: "asim_gromacs", WindowChecker: "asim_window_checker",
              RunOptions: "asim_run_options", Event: "asim_event"}

_E = POINTER(Error)
_PATHS = POINTER(c_char_p)
_FUNCTIONS = {
    "asim_version": (c_char_p, []),
    "asim_status_exit_code": (c_int, [c_int]),
    "asim_log_open": (c_int, [c_char_p, POINTER(c_void_p), _E]),
    "asim_log_write": (None, [c_void_p, c_int, c_char_p, c_char_p]),
    "asim_log_close": (None, [c_void_p]),
    "asim_topology_of_atoms": (c_int, [c_size_t, c_void_p, _E]),
    "asim_topology_finish": (None, [c_void_p]),
    "asim_trajectory_open_reader": (c_int, [POINTER(FrameReader), c_char_p,
                                            POINTER(c_void_p), _E]),
    "asim_trajectory_close": (None, [c_void_p]),
    "asim_pca_compute": (c_int, [c_void_p, c_void_p, POINTER(PcaOptions), c_void_p,
                                 POINTER(Pca), _E]),
    "asim_pca_finish": (None, [POINTER(Pca)]),
    "asim_pca_write": (c_int, [POINTER(Pca), c_void_p, c_char_p, _E]),
    "asim_extract_reaction_coordinates": (
        c_int, [c_char_p, _PATHS, c_size_t, POINTER(PcaOptions), c_void_p, POINTER(Pca),
                _E]),
    "asim_topology_read": (c_int, [c_char_p, c_void_p, _E]),
    "asim_plan_windows": (
        c_int, [POINTER(Pca), c_char_p, _PATHS, c_size_t, POINTER(PlanOptions), c_char_p,
                c_void_p, POINTER(Plan), _E]),
    "asim_plan_one_window": (
        c_int, [POINTER(Pca), c_char_p, _PATHS, c_size_t, POINTER(Bias), c_int64,
                POINTER(PlanOptions), c_char_p, c_void_p, POINTER(Plan), _E]),
    "asim_plan_finish": (None, [POINTER(Plan)]),
    "asim_bias_engine_from_name": (c_int, [c_char_p, POINTER(c_int)]),
    "asim_bias_engine_name": (c_char_p, [c_int]),
    "asim_gromacs_find": (c_int, [c_char_p, POINTER(Gromacs), _E]),
    "asim_gromacs_try": (None, [POINTER(Gromacs)]),
    "asim_gromacs_check_tpr": (c_int, [POINTER(Gromacs), c_char_p, _E]),
    "asim_bias_choose": (c_int, [POINTER(Gromacs), c_char_p, c_int, POINTER(c_int),
                                 c_char_p, c_size_t, _E]),
    "asim_window_checker_look": (c_int, [c_void_p, c_void_p, _E]),
    "asim_campaign_set_check": (None, [c_void_p, c_void_p, POINTER(WindowChecker)]),
    "asim_cores_available": (c_int, []),
    "asim_campaign_open": (c_int, [c_char_p, c_void_p, POINTER(c_void_p), _E]),
    "asim_campaign_window_count": (c_size_t, [c_void_p]),
    "asim_campaign_retry": (c_int, [c_void_p, c_size_t, _E]),
    "asim_campaign_start_on_cores": (c_int, [c_void_p, POINTER(RunOptions),
                                             POINTER(c_int), c_size_t, _E]),
    "asim_campaign_stop": (None, [c_void_p]),
    "asim_campaign_close": (None, [c_void_p]),
    "asim_execute_batch": (c_int, [c_void_p, c_size_t, POINTER(c_size_t), _E]),
    "asim_event_fd": (c_int, [c_void_p]),
    "asim_next_event": (c_int, [c_void_p, POINTER(Event), _E]),
    "asim_status_json": (c_int, [c_void_p, POINTER(c_void_p), _E]),
}


def _candidates():
    named = os.environ.get("AUTOSIM_LIBRARY")
    if named:
        yield named
        return
    yield "libautosim.so.0"
    # Installed by meson under a prefix that the loader does not search.
    for above in Path(__file__).resolve().parents:
        for place in ("lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"):
            path = above / place / "libautosim.so.0"
            if path.exists():
                yield str(path)


def _load():
    reasons = []
    for name in _candidates():
        try:
            library = ctypes.CDLL(name)
            break
        except OSError as error:
            reasons.append(str(error))
    else:
        raise ImportError("libautosim is not found (" + "; ".join(reasons) + "): install "
                          "autosim, or name libautosim.so.0 in $AUTOSIM_LIBRARY")
    for name, (result, arguments) in _FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"the libautosim that was found has no {name}: it does "
                              f"not belong to autosim_core {__version__}") from None
        function.restype, function.argtypes = result, arguments
    found = library.asim_version().decode()
    if found != __version__:
        raise ImportError(f"libautosim {found} was found, and autosim_core "
                          f"{__version__} needs its own version: install both together")
    return library


_libc = ctypes.CDLL(None)
_libc.free.argtypes, _libc.free.restype = [c_void_p], None
_lock = threading.Lock()
_library = None


def library():
    """The library, loaded once."""
    global _library
    with _lock:
        if _library is None:
            _library = _load()
        return _library


def raise_error(error):
    """Raises what the library said."""
    name, kind = _STATUSES[error.status] if error.status < len(_STATUSES) else \
        ("failure", AutosimError)
    raise kind(error.text.decode(errors="replace"), name,
               library().asim_status_exit_code(error.status))


def path(name):
    """A path as the library takes it."""
    return os.fsencode(name)


def program(name):
    """A GROMACS program; None, the library's own search, for "gmx"."""
    return None if name == "gmx" else os.fsencode(name)


def paths(names):
    """Paths as an array, and how many they are."""
    return (c_char_p * max(1, len(names)))(*map(os.fsencode, names)), len(names)


def take_text(pointer):
    """Text that the library allocated."""
    try:
        return ctypes.cast(pointer, c_char_p).value.decode(errors="replace")
    finally:
        _libc.free(pointer)


def check(code, error):
    """The code of a call, or its error as an exception."""
    if code < 0:
        raise_error(error)
    return code


class Log:
    """autosim_compute.log of the current folder; nothing where it cannot be written."""

    def __init__(self, path="autosim_compute.log"):
        self.handle = c_void_p()
        if library().asim_log_open(os.fsencode(path), byref(self.handle),
                                   byref(Error())) < 0:
            self.handle = c_void_p()

    def __enter__(self):
        return self.handle

    def __exit__(self, *_):
        library().asim_log_close(self.handle)
