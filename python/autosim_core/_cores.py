"""The cores of this process, lent to campaigns.

Windows that are launched at once share them and wait for each other where they are too
few. It must not know what runs on them.
"""
import asyncio
import collections
import logging
import os
import threading

from . import _library as lib
from ._requests import check_whole_number


class Cores:
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
            numbers, self._free = self._free[:width], self._free[width:]
            loop.call_soon_threadsafe(self._hand_over, future, numbers)

    def _hand_over(self, future, numbers):
        if future.done():  # cancelled meanwhile
            self.give(numbers)
        else:
            future.set_result(numbers)

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

    def give(self, numbers):
        with self._lock:
            self._free = sorted(self._free + numbers)
            self._serve()


cores = Cores()


async def fit_threads(ranks, threads):
    """What was asked for, or as much of it as there are cores."""
    check_whole_number("num_threads", ranks)
    check_whole_number("num_openmp_threads", threads)
    # To look at the machine for the first time takes longer than a loop may wait.
    available = await asyncio.to_thread(cores.available)
    if ranks * threads <= available:
        return ranks, threads
    fitting = max(1, available // threads), min(threads, available)
    warn(f"{ranks} x {threads} threads a window are more than the {available} cores that "
         f"may be used: {fitting[0]} x {fitting[1]} are used")
    return fitting


def warn(message):
    logging.getLogger("autosim").warning(message)
