"""How windows ended: results and their table."""
import collections
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

TAIL_LINES = 40


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


def _tail(path):
    try:
        with open(path, errors="replace") as lines:
            return "".join(collections.deque(lines, TAIL_LINES))
    except OSError:
        return ""


def window_result(window, folder):
    """Of a window as in status --json."""
    directory = folder / "windows" / f"{window['window_id']:03d}"
    attempt = directory / f"attempt-{window['attempts']}"

    def number(key):
        value = window.get(key)
        return math.nan if value is None else float(value)

    return WindowResult(
        window["window_id"], window["status"], window["exit_code"], number("ns_per_day"),
        number("final_potential_energy_kj_mol"), number("runtime_seconds"),
        window["attempts"], window["cause"], _tail(f"{attempt}.stdout"),
        _tail(f"{attempt}.stderr"), directory)


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
