"""Scans that are interrupted or killed, and their reports without what differs from one run to the next."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("killed_scans.py")
TIMES = ("started", "seconds")


def without_times(path):
    """Return the lines of a report without what differs from one run to the next."""

    def stripped(value):
        if isinstance(value, dict):
            return {name: stripped(it) for name, it in value.items() if name not in TIMES}
        return list(map(stripped, value)) if isinstance(value, list) else value

    return [stripped(json.loads(line)) for line in path.read_text().splitlines()]


def interrupted_after(calls):
    """Return a progress callable that interrupts a scan; one that never does for None."""
    left = [calls]

    def progress(done, total, bad):
        if left[0] is not None:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

    return progress


def killed_again_and_again(kind, store, report, kills, seed):
    """Kill a scan so many times and let it end each time it can; return the reports that it came to."""
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
