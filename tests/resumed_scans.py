"""Interrupt and kill scans, and read their reports without the times, which differ between runs."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("killed_scans.py")
TIMES = ("started", "seconds")


def without_times(path):
    """Return the parsed lines of a report without the times, which differ between runs."""

    def stripped(value):
        if isinstance(value, dict):
            return {name: stripped(it) for name, it in value.items() if name not in TIMES}
        return list(map(stripped, value)) if isinstance(value, list) else value

    return [stripped(json.loads(line)) for line in path.read_text().splitlines()]


def interrupted_after(calls):
    """Return a progress callback that interrupts a scan at call number `calls`, or never if that is None."""
    left = [calls]

    def progress(done, total, bad):
        if left[0] is not None:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

    return progress


def killed_again_and_again(kind, store, report, kills, seed):
    """Kill scans `kills` times, each resuming the one before; return the reports of all that finished."""
    done = subprocess.run(
        [sys.executable, PROGRAM, kind, store, report, str(kills), str(seed)],
        capture_output=True,
        text=True,
        timeout=300,
        env={"PYTHONPATH": str(PROGRAM.parent), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    reports = sorted(report.parent.glob(f"{report.name}.*"))
    assert len(reports) == int(done.stdout)
    return reports
