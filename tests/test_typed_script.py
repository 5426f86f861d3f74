"""Test a user's script of everything that Python code may ask for: strictly typed, and run."""

import subprocess
import sys
from pathlib import Path

from building import datum, key, pixels, raw_records, write_lmdb

ROOT = Path(__file__).parents[1]
SCRIPT = """
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import datacheck
from datacheck import Batch, Finding, FindingSequence, LoadedRecord, Report, ScanReports, found


@dataclass(frozen=True)
class Dark:
    least: float

    def __call__(self, batch: Batch) -> Iterator[tuple[int, Finding]]:
        for at, record in enumerate(batch.values):
            if not batch.label and record.mean() < self.least:
                yield at, found("dark", f"mean {record.mean():.1f}", field=batch.field, verdict="suspicious")


def told(done: int, total: int | None, bad: int) -> None:
    pass


def main(source: str, target: str) -> None:
    report: Report = datacheck.scan(source, validators=[Dark(1.0)], labels=60, workers=1, progress=True)
    datacheck.scan(source, progress=told, workers=1)
    print(report)
    first: Finding = report.findings[0]
    some: FindingSequence = report.findings[:2].where(code=["empty"], verdict="bad", family="#")
    print(first.file or "no file", len(some), some)
    names: list[str] = list(report.bad_keys())
    raw: list[bytes] = list(report.bad_keys(raw=True))
    places: list[int] = list(report.bad_indices())
    assert [datacheck.unescape(it) for it in names] == raw and list(map(datacheck.escape, raw)) == names
    assert len(places) == 2 <= len(report.to_dicts()) == len(report.to_pandas())
    report.save(target + "/report.json")
    again = datacheck.load_report(target + "/report.json")
    if isinstance(again, ScanReports):
        again = again[0]
    assert again.bad == report.bad
    value: Any = datacheck.load(source, "00000001", backend="lmdb")
    print(value["label"])
    record: LoadedRecord
    for record in datacheck.records(source, timeout=20):
        if record.error is not None:
            print(record.key, record.index, record.error)
    reports: ScanReports = datacheck.scan([source, source], workers=1)
    clean: bool = reports.clean
    try:
        reports.require_clean()
    except datacheck.NotClean as exc:
        print(clean, exc)
    try:
        datacheck.load(source, "00000005")
    except datacheck.RecordUnreadable as exc:
        print(exc.key, exc.code, exc.reason)


if __name__ == "__main__":
    import sys

    main(sys.argv[1], sys.argv[2])
"""


def test_a_script_is_typed_and_runs(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict"),
            *("--config-file", ROOT / "pyproject.toml", script),  # with what `make check` has in its cache
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=300,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    store = write_lmdb(tmp_path / "env", raw_records(40) | {key(4): b"", key(5): datum(pixels(5), 1)[:-7]})
    done = subprocess.run(
        [sys.executable, script, store, tmp_path], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "NOT CLEAN: 2 bad" in done.stdout
    assert "00000005 truncated " in done.stdout
    assert "records" in done.stderr  # the progress bar
