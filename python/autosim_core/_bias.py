"""Who applies the restraint: what the installed GROMACS can do, or what a folder was
planned for."""
import ctypes
import json
import os
import threading
from ctypes import byref, c_int
from dataclasses import dataclass

from . import _library as lib
from ._requests import fail, input_file

_tried = {}  # what trial runs of a GROMACS found; they take a second
_lock = threading.Lock()


@dataclass(frozen=True)
class Bias:
    """An engine, and of what precision the GROMACS is that will run it."""

    name: str
    why: str = ""
    double_precision: bool = False

    @property
    def number(self):
        """As in enum asim_bias_engine."""
        return number(self.name)


def number(name):
    engine = c_int()
    if not isinstance(name, str) or \
            lib.library().asim_bias_engine_from_name(name.encode(), byref(engine)) < 0:
        fail(f"bias {name!r}: auto, edi, colvars or plumed was expected")
    return engine.value


def _find(gromacs_binary):
    library, error, gromacs = lib.library(), lib.Error(), lib.Gromacs()
    lib.check(library.asim_gromacs_find(lib.program(gromacs_binary), byref(gromacs),
                                        byref(error)), error)
    return gromacs


def _try(gromacs):
    key = (gromacs.path, gromacs.version, os.environ.get("PLUMED_KERNEL"))
    with _lock:
        if key not in _tried:
            lib.library().asim_gromacs_try(byref(gromacs))
            _tried[key] = gromacs
        return _tried[key]


def _planned(folder):
    """The engine that the windows of a folder were written for, or None."""
    try:
        return json.loads((folder / "plan.json").read_text())["bias"]
    except (OSError, ValueError, KeyError):
        return None


def choose(gromacs_binary, wanted, topology_file, folder):
    """The engine for windows of this run input, as the program chooses; may take a
    second. A folder that is planned keeps the one it has."""
    library, error, engine = lib.library(), lib.Error(), c_int()
    asked = number(wanted)
    planned = _planned(folder)
    if planned:
        return Bias(planned)
    gromacs = _find(gromacs_binary)
    with input_file(topology_file):
        pass
    topology = lib.path(topology_file)
    lib.check(library.asim_gromacs_check_tpr(byref(gromacs), topology, byref(error)),
              error)
    if wanted != "edi":
        gromacs = _try(gromacs)
    why = ctypes.create_string_buffer(300)
    lib.check(library.asim_bias_choose(byref(gromacs), topology, asked, byref(engine),
                                       why, len(why), byref(error)), error)
    return Bias(library.asim_bias_engine_name(engine).decode(),
                why.value.decode(errors="replace"), gromacs.double_precision)


def log_bias(log, bias):
    lib.library().asim_log_write(log, lib.LOG_INFO, b"%s",
                                 f"Bias by {bias.name}: {bias.why}".encode())
