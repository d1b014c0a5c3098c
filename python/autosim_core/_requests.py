"""What a folder was made for, so that it is never taken for something else."""
import contextlib
import fcntl
import hashlib
import json
import math
import os
import struct
import time
from pathlib import Path

import numpy as np

from . import _library as lib


# As campaign_lock.c: a child between fork and exec shares a lock for milliseconds.
LOCK_TRIES, LOCK_PAUSE_SECONDS = 10, 0.02


def fail(message):
    raise lib.UsageError(message, "usage", 2)


def check_whole_number(name, value, least=1):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or \
            value < least:
        fail(f"{name} {value!r}: a whole number of at least {least} was expected")


def number(name, value):
    """As Python's own, of whatever type it comes; finite."""
    try:
        found = math.nan if isinstance(value, (bool, np.bool_)) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        fail(f"{name} {value!r}: a number was expected")
    return found


def positive_number(name, value):
    if not number(name, value) > 0:
        fail(f"{name} {value!r}: a positive number was expected")
    return number(name, value)


def positive_number_or_none(name, value):
    return None if value is None else positive_number(name, value)


def check_seed(value):
    check_whole_number("seed", value, 0)
    if value >= 1 << 64:
        fail(f"seed {value!r}: a whole number below 2^64 was expected")
    return int(value)


@contextlib.contextmanager
def folder_lock(folder):
    """No other call, of whatever process, prepares or drives the folder meanwhile: the
    lock is the campaign's own."""
    path = folder / "campaign.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as problem:
        raise lib.EnvironmentProblem(f"cannot write '{path}': {problem.strerror}",
                                     "environment", 4) from None
    try:
        whole = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        for attempt in range(LOCK_TRIES + 1):
            try:
                fcntl.fcntl(file, fcntl.F_OFD_SETLK, whole)
                break
            except (BlockingIOError, PermissionError):
                if attempt == LOCK_TRIES:
                    raise lib.CampaignLocked(
                        f"another autosim works on this campaign ('{path}' is locked); "
                        "wait for it or stop it", "locked", 75) from None
                time.sleep(LOCK_PAUSE_SECONDS)
            except OSError as problem:
                raise lib.EnvironmentProblem(
                    f"cannot lock '{path}': {problem.strerror}") from None
        yield
    finally:
        os.close(file)


def vector_sha256(vector):
    return hashlib.sha256(np.ascontiguousarray(vector, dtype=np.float64).tobytes()
                          ).hexdigest()


@contextlib.contextmanager
def input_file(path):
    """The file, open; one that cannot be read is bad input."""
    try:
        with open(path, "rb") as data:
            yield data
    except OSError as problem:
        raise lib.InputError(f"cannot read '{path}': {problem.strerror}", "input",
                             3) from None


def sha256(path):
    digest = hashlib.sha256()
    with input_file(path) as data:
        for block in iter(lambda: data.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def same_request(folder, request, what):
    """True where this folder was made for the same; raises where for another."""
    path = folder / "request.json"
    if not (folder / "plan.json").exists():
        if (folder / "journal.jsonl").exists():
            raise lib.InputError(
                f"the campaign in '{folder}' has begun (journal.jsonl), and its plan.json "
                "is missing: put it back, or choose another output_dir", "input", 3)
        return False
    try:
        before = json.loads(path.read_text())
    except (OSError, ValueError):
        before = None
    if before and "bias" in request:
        before.setdefault("bias", "edi")
    if before == request:
        return True
    differing = [key for key in request if (before or {}).get(key) != request[key]]
    fail(f"'{folder}' holds {what} with another {', '.join(differing)}: choose another "
         "output_dir, or remove the folder")


def write_json(path, value):
    """Whole or not at all; its folder is made."""
    beside = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(value, indent=1) + "\n")
        os.replace(beside, path)
    except OSError as problem:
        raise lib.EnvironmentProblem(f"cannot write '{path}': {problem.strerror}"
                                     ) from None


def write_request(folder, request):
    write_json(folder / "request.json", request)


def input_record(path):
    path = Path(path).resolve()
    status = path.stat()
    return {"path": str(path), "sha256": sha256(path), "size_bytes": status.st_size,
            "modified_ns": status.st_mtime_ns}

