"""Run scan and rebuild on a folder of hostile HDF5 files, and report the status, seconds and peak memory of each.

Public ones are in the repository HDFGroup/cve_hdf5. A file fails if a run takes more than 20 s or 1 GiB, or ends with a
status other than 0 to 3 or with a traceback. A copy also fails if something bad is found in it.

    python benchmarks/hostile_hdf5.py FOLDER
"""

from __future__ import annotations

import argparse
import collections
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SECONDS = 20
MIB = 1024
KILLED_AFTER = 120


@dataclass(frozen=True)
class Run:
    """The result of a run; `mib` is the peak resident memory of the largest of its processes, in MiB."""

    command: str
    file: str
    status: int
    seconds: float
    mib: float
    words: str

    @property
    def failed(self) -> bool:
        long, large = self.seconds > SECONDS, self.mib > MIB
        return self.status not in (0, 1, 2, 3) or "Traceback" in self.words or long or large


def run(command: str, file: Path, *more: str | Path) -> Run:
    started = time.monotonic()
    args = [sys.executable, "-m", "datacheck", command, str(file), *map(str, more)]
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(args, stdout=words, stderr=words)
        alarm = threading.Timer(KILLED_AFTER, process.kill)
        alarm.start()
        _, status, usage = os.wait4(process.pid, 0)  # includes its workers, since it waits for them
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        words.seek(0)
        said = words.read().decode("utf-8", "replace")
    return Run(command, file.name, process.returncode, time.monotonic() - started, usage.ru_maxrss / 1024, said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    runs: list[Run] = []
    for file in sorted(parser.parse_args().folder.iterdir()):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy.h5"
            runs += [run("scan", file), run("rebuild", file, copy, "--drop-bad")]
            if copy.exists():
                again = run("scan", copy)
                runs.append(Run("scan of the copy", file.name, again.status, again.seconds, again.mib, again.words))
    failed = [it for it in runs if it.failed or (it.command == "scan of the copy" and it.status == 1)]
    for command in dict.fromkeys(it.command for it in runs):
        of = [it for it in runs if it.command == command]
        slowest, largest = max(of, key=lambda it: it.seconds), max(of, key=lambda it: it.mib)
        statuses = dict(sorted(collections.Counter(it.status for it in of).items()))
        print(f"{command}: {len(of)} files, statuses {statuses}")
        print(f"  slowest {slowest.seconds:.1f} s ({slowest.file}), largest {largest.mib:.0f} MiB ({largest.file})")
    for it in failed:
        print(f"FAILED: {it.command} {it.file}: {it.status}, {it.seconds:.1f} s, {it.mib:.0f} MiB\n{it.words[-500:]}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
