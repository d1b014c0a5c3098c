"""A campaign folder at work under asyncio.

Everything that may take a moment is done in a thread of the campaign; the event loop only
watches its descriptor. The library is never left in the middle of something: who is
cancelled meanwhile waits for it.
"""
import asyncio
import concurrent.futures
import contextlib
import json
import os
import select
import time
from ctypes import addressof, byref, c_int, c_void_p, cast, pointer
from pathlib import Path

from . import _library as lib
from ._results import window_result

GRACE_SECONDS = 5.0  # for a checkpoint, before a window that is cancelled is killed


def run_options(gromacs, jobs, ranks, threads, retries):
    return lib.RunOptions(
        gromacs=lib.program(gromacs), jobs=jobs,
        ntmpi=ranks, ntomp=threads, retries=retries, maxh=0, checkpoint_minutes=5,
        launch_all=True)


class Campaign:
    """A campaign folder at work. Methods that block run in its thread."""

    def __init__(self, folder, cores, options, pca, prepare):
        self.folder, self.cores, self.options = Path(folder), cores, options
        self.pca = pca  # what windows are checked against when they end
        self.prepare = prepare  # makes the folder where it is not made yet
        self.topology = (c_void_p * lib.TOPOLOGY_POINTERS)()
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
        run_input = self.folder / "windows" / "000" / "window.tpr"
        lib.check(library.asim_topology_read(lib.path(run_input), self.topology,
                                             byref(error)), error)
        self.checker = lib.WindowChecker(pointer(self.pca), addressof(self.topology),
                                         self.log)
        library.asim_campaign_set_check(
            self.handle, cast(library.asim_window_checker_look, c_void_p),
            byref(self.checker))
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
        library.asim_topology_finish(self.topology)
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
        """Runs the windows to their end; a WindowResult each. `progress` is called with
        the windows as in status --json. Cancelled, it stops them and ends when they have
        ended."""
        try:
            try:
                await self._in_thread(self._open)
                while True:
                    windows, ended = await self._in_thread(self._step)
                    if progress:
                        progress(windows)
                    if ended:
                        return await self._in_thread(
                            lambda: [window_result(window, self.folder)
                                     for window in windows])
                    await self._readable()
            except BaseException:
                with contextlib.suppress(asyncio.CancelledError, lib.AutosimError):
                    await self._in_thread(self._stop)
                raise
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await self._in_thread(self._close)
            self.thread.shutdown(wait=False)
