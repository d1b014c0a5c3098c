#!/usr/bin/env python3
"""Windows under asyncio, with real GROMACS: the Quick Start as it stands, an event loop
that goes on, cancellation, going on after a kill, batches, errors, the example.

    test_windows.py AUTOSIM
"""
import asyncio
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import warnings

warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.path.join(HERE, "..", "..", "python")
sys.path.insert(0, PYTHON)
import peptide  # noqa: E402
from peptide import common  # noqa: E402

try:
    import MDAnalysis as mda
    import numpy as np
except ImportError as error:
    common.skip(error)

from autosim_core import _batch, _cores  # noqa: E402
from autosim_core import autosim_hpc_orchestrator as face  # noqa: E402

LATEST_MS = 50  # how late a tick of the event loop may be


def processes(folder):
    """gmx that works below this folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            command = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
            if b"mdrun" in command and os.readlink(f"/proc/{pid}/cwd").startswith(folder):
                found.append(int(pid))
    return found


@contextlib.contextmanager
def one_core():
    """Ranks that spin for each other are very slow where other tests want the cores."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    _cores.cores.__init__()
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
        _cores.cores.__init__()


def quick_start(root):
    text = open(os.path.join(HERE, "quick_start.md")).read()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert len(blocks) == 2
    space = {"__name__": "quick_start"}
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for block in blocks:
            began = time.monotonic()
            exec(compile(block, "quick_start.md", "exec"), space)
    print(f"the Quick Start took {time.monotonic() - began:.1f} s")
    said = out.getvalue()
    print(said)
    assert re.search(r"PC1 explains \d+\.\d\d% of variance\n", said), said
    assert "Window 0: Completed\n" in said, said
    assert float(re.search(r"Performance: ([\d.]+) ns/day", said)[1]) > 0
    window = os.path.join(root, "output", "window_000", "windows", "000")
    for name in ("bias.xvg", "cmd.sh", "window.tpr"):
        assert os.path.exists(os.path.join(window, name)), name
    return space["components"]


def config(result, window_id, centre=0.0, nsteps=50000, k=1000.0):
    return face.UmbrellaWindowConfig(window_id, result.pc1_eigenvector, k, centre, nsteps)


async def tick(delays):
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.01)
        delays.append(1000 * (time.monotonic() - before - 0.01))


# The same ticks in a process that does nothing else: how late this machine is by itself.
CONTROL = """
import asyncio, time
async def tick():
    latest = -1
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.01)
        late = 1000 * (time.monotonic() - before - 0.01)
        if late > latest:
            latest = late
            print(latest, flush=True)
asyncio.run(tick())
"""


async def three_windows(result, folder):
    """Three windows at once beside a ticker; their results, and by how much its latest
    tick was later than the machine's own latest."""
    delays = []
    control = subprocess.Popen([sys.executable, "-c", CONTROL], text=True,
                               stdout=subprocess.PIPE)
    control.stdout.readline()
    ticker = asyncio.create_task(tick(delays))
    launches = [face.launch_umbrella_window(config(result, i, c), "system.tpr", folder,
                                            num_threads=1)
                for i, c in enumerate((-0.1, 0.0, 0.1))]
    results = await asyncio.gather(*launches)
    ticker.cancel()
    control.kill()
    machine = max(map(float, control.communicate()[0].split()), default=0)
    print(f"{len(delays)} ticks, the latest {max(delays):.1f} ms late; without autosim "
          f"{machine:.1f} ms")
    return results, max(delays) - machine


async def loop_goes_on(result):
    """The ticks of the loop are in time; a machine that others keep from working may
    delay one, so it is late only where it is late every time. Windows that are done are
    not run again."""
    late = []
    for folder in ("many", "many-2", "many-3"):
        results, lateness = await three_windows(result, folder)
        late.append(lateness)
        if lateness < LATEST_MS:
            break
    assert [r.status for r in results] == ["Completed"] * 3, results
    assert [r.window_id for r in results] == [0, 1, 2]
    assert all(r.exit_code == 0 and r.ns_per_day > 0 and r.runtime_seconds > 0 and
               np.isfinite(r.final_potential_energy) for r in results), results
    assert "GROMACS" in results[0].stderr
    assert min(late) < LATEST_MS, late
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        face.print_window_status_table(results)
    lines = out.getvalue().splitlines()
    assert [cell.strip() for cell in lines[0].split("|")] == [
        "Window ID", "Status", "ns/day", "Exit Code", "Energy (kJ/mol)", "Time (s)"]
    assert len(lines) == 5
    again = await face.launch_umbrella_window(config(result, 1, 0.0), "system.tpr",
                                              folder, num_threads=1)
    assert again.attempts == 1 and again.status == "Completed", again
    return results


async def cancelling_kills(result, root):
    folder = os.path.join(root, "cancelled")
    long = config(result, 7, nsteps=500_000_000)
    task = asyncio.create_task(face.launch_umbrella_window(
        long, "system.tpr", folder, num_threads=1))
    deadline = time.monotonic() + 60
    while not processes(folder):
        assert time.monotonic() < deadline and not task.done(), task
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    task.cancel()
    began = time.monotonic()
    try:
        await task
    except asyncio.CancelledError:
        pass
    else:
        raise AssertionError("the cancellation was swallowed")
    print(f"cancelled in {time.monotonic() - began:.2f} s")
    assert not processes(folder), "gmx runs on"
    journal = open(os.path.join(folder, "window_007", "journal.jsonl")).read()
    assert '"stopped"' in journal, journal
    # What waits for cores is cancelled too, and gives none back that it never had.
    blocked = [asyncio.create_task(face.launch_umbrella_window(
        config(result, 20 + i, nsteps=500_000_000), "system.tpr", folder,
        num_threads=1)) for i in range(_cores.cores.available() + 2)]
    await asyncio.sleep(1)
    for task in blocked:
        task.cancel()
    ended = await asyncio.gather(*blocked, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
    assert not processes(folder)
    assert len(_cores.cores._free) == _cores.cores.count


def goes_on_after_a_kill(root):
    """The process of Python is killed; the same launch goes on, from the checkpoint or
    the window that runs."""
    folder = os.path.join(root, "killed")
    program = f"""
import asyncio, pickle, sys
sys.path.insert(0, {PYTHON!r})
from autosim_core.autosim_hpc_orchestrator import *
vector = pickle.load(open('vector.pickle', 'rb'))
window = UmbrellaWindowConfig(0, vector, 1000.0, 0.0, 300000)
print(asyncio.run(launch_umbrella_window(window, 'system.tpr', {folder!r},
                                         num_threads=1)).status)
"""
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], cwd=root)
    deadline = time.monotonic() + 60
    while not processes(folder):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    began = [line for line in open(os.path.join(folder, "window_000", "journal.jsonl"))
             if '"start"' in line]
    assert len(began) == 1
    return program, folder


def assert_covers_the_windows(profile):
    """However poor 0.1 ns are, the bins are those of the range that was asked for; walls
    may take half of it at most."""
    x, centres = profile["x_nm"], profile["centre_nm"]
    asked = (max(centres) - min(centres)) / (x[1] - x[0])
    assert len(x) > 0.5 * asked - 1 and "verdict" in profile, (x, centres)


async def batch(result, autosim):
    seen = []
    windows = await face.execute_autosim_batch(
        3, max_concurrent_jobs=2, result=result, output_dir="batch", window_ns=0.1,
        progress=lambda state: seen.append(
            sum(window["status"] == "Running" for window in state)))
    assert [w.status for w in windows] == ["Completed"] * 3, windows
    assert 1 <= max(seen) <= 2, seen
    # The seed's call: nothing but numbers, on what was extracted last.
    _batch.remember(result)
    again = await face.execute_autosim_batch(3, 2, output_dir="batch", window_ns=0.1)
    assert [w.attempts for w in again] == [1, 1, 1]
    done = common.run([autosim, "pmf", "--json", "-C", "batch"], check=False)
    profile = json.loads(done.stdout)
    assert_covers_the_windows(profile)
    archive = np.load("batch/pmf/pmf.npz")
    assert archive["overlap"].shape == (3, 3)
    assert np.allclose(archive["x_nm"], profile["x_nm"], rtol=1e-15)
    table = common.run([autosim, "export", "csv", "-C", "batch"]).stdout.splitlines()
    assert len(table) == len(profile["x_nm"]) + 1, table
    common.run([autosim, "report", "-C", "batch"])
    figures = {"pmf.svg", "overlap.svg", "histograms.svg", "drift.svg", "scree.svg",
               "projection.svg"}
    assert figures <= set(os.listdir("batch/figures")), os.listdir("batch/figures")
    try:
        await face.execute_autosim_batch(4, 2, output_dir="batch", window_ns=0.1)
    except face.UsageError as problem:
        assert "num_windows" in str(problem), problem
    else:
        raise AssertionError("another batch was run into the same folder")


async def launched_twice_at_once(result):
    """One makes and runs the window, the other is told so; the folder stays good."""
    def launch():
        return face.launch_umbrella_window(config(result, 0, nsteps=5000), "system.tpr",
                                           "twice", num_threads=1)
    both = await asyncio.gather(launch(), launch(), return_exceptions=True)
    assert all(isinstance(one, face.AutosimError) and one.exit_code == 75 or
               getattr(one, "status", "") == "Completed" for one in both), both
    assert any(getattr(one, "status", "") == "Completed" for one in both), both
    assert (await launch()).status == "Completed"


async def numbers_are_checked(result):
    for fields in ({"temperature": -5.0}, {"temperature": float("nan")}, {"seed": -1}):
        window = config(result, 0)
        window.__dict__.update(fields)
        try:
            await face.launch_umbrella_window(window, "system.tpr", "numbers")
        except face.UsageError as problem:
            assert list(fields)[0] in str(problem), problem
        else:
            raise AssertionError(f"{fields} was taken")
    for options in ({"force_constant": -5.0}, {"temperature": float("nan")}):
        try:
            await face.execute_autosim_batch(2, 1, result=result,
                                             output_dir="numbers-batch", **options)
        except face.UsageError as problem:
            assert list(options)[0] in str(problem), problem
        else:
            raise AssertionError(f"{options} was taken")


async def errors_carry_the_message(result):
    async def error(kind, words, window, topology="system.tpr", folder="wrong",
                    **options):
        try:
            done = await face.launch_umbrella_window(window, topology, folder, **options)
        except kind as problem:
            assert all(word in str(problem) for word in words), problem
            return problem
        raise AssertionError(f"nothing was raised: {done}")

    def plain(**fields):
        return face.UmbrellaWindowConfig(
            **{"window_id": 0, "pc_vector": np.array(result.pc1_eigenvector),
               "force_constant": 1000.0, "center_position": 0.0, "nsteps": 5000,
               **fields})

    await error(face.UsageError, ["plain array", "atoms", "mean"], plain())
    await error(face.UsageError, ["norm"], plain(pc_vector=np.ones(36)))
    await error(face.UsageError, ["3 numbers"], plain(pc_vector=np.ones(35)))
    await error(face.UsageError, ["positive"],
                config(result, 0, k=-5.0))
    await error(face.UsageError, ["number"], config(result, 0, centre=float("nan")))
    await error(face.UsageError, ["num_threads"], config(result, 0), num_threads=0)
    await error(face.UsageError, ["nsteps", "at least 1"], config(result, 0, nsteps=0))
    await error(face.EnvironmentProblem, ["cannot write", "window_000"],
                config(result, 0), folder="trajectory.xtc")
    await error(face.InputError, ["none.tpr"], config(result, 0), "none.tpr")
    await error(face.InputError, ["trajectory.xtc"], config(result, 0), "trajectory.xtc")
    problem = await error(face.EnvironmentProblem, ["no-such-gmx"], config(result, 0),
                          gromacs_binary="no-such-gmx")
    assert problem.exit_code == 4
    await error(face.UsageError, ["another", "center_position"],
                config(result, 0, 0.07), folder="output")
    # A plain array with its fields, which starts from the run input.
    vector = result.pc1_eigenvector
    done = await face.launch_umbrella_window(
        plain(atoms=vector.atoms, mean=np.asarray(vector.mean)), "system.tpr", "plain",
        num_threads=1)
    assert done.status == "Completed", done


def example_runs(root):
    done = common.run([sys.executable, "-W", "ignore", "-m",
                       "autosim_core.example_hpc_usage", "example"], cwd=root,
                      env={"PYTHONPATH": PYTHON})
    print(done.stdout)
    assert done.stdout.count("Completed") == 5 and "event loop" in done.stdout


def main():
    common.need_gmx()
    autosim = os.path.abspath(sys.argv[1])
    root = os.path.realpath(common.workdir())
    peptide.simulate(root)
    os.chdir(root)
    with one_core():
        result = quick_start(root)
    import pickle
    pickle.dump(result.pc1_eigenvector, open("vector.pickle", "wb"))
    program, folder = goes_on_after_a_kill(root)
    asyncio.run(loop_goes_on(result))
    asyncio.run(cancelling_kills(result, root))
    asyncio.run(batch(result, autosim))
    asyncio.run(errors_carry_the_message(result))
    asyncio.run(launched_twice_at_once(result))
    asyncio.run(numbers_are_checked(result))
    example_runs(root)
    done = common.run([sys.executable, "-W", "ignore", "-c", program], cwd=root)
    journal = open(os.path.join(folder, "window_000", "journal.jsonl")).read()
    assert done.stdout == "Completed\n" and journal.count('"completed"') == 1, journal
    os.chdir("/")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
