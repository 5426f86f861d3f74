"""Test that a worker that fails outside its job blames datacheck, and one that exits by itself is retried alone."""

import msgspec
import pytest
from building import write_lmdb
from patching import command, patched
from worker_jobs import leave, panic
from worker_readers import RECORDS, Leaving

from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.reporting.document import Document
from datacheck.scanning.run import run
from datacheck.scanning.scan import prepare
from datacheck.scanning.settings.make_settings import make
from datacheck.workers.interface import OWN_FAILURE, Death
from datacheck.workers.pool import Pool

pytestmark = pytest.mark.own_workers

PLACES = {
    "pickling a result": ("workers/serve.py", "def _dumps_result(result: Any) -> bytes:\n", ""),
    "stopping the alarms": ("workers/interface.py", "    def rest(self) -> None:\n", "    "),
}


@pytest.mark.parametrize("where", PLACES)
def test_a_worker_that_fails_outside_its_job_blames_datacheck(tmp_path, where):
    file, before, indent = PLACES[where]
    lib = patched(tmp_path, file, before, f"{before}{indent}    raise AssertionError('a slip')\n")
    path = write_lmdb(tmp_path / "env", RECORDS)
    report = tmp_path / "report.json"
    done = command(lib, "scan", path, "--workers", "1", "--report", report)
    assert (done.returncode, done.stderr) == (3, ""), done.stdout
    document = msgspec.json.decode(report.read_bytes(), type=Document)
    assert (document.bad, document.complete) == (0, False)
    assert {it.code for it in document.findings} == {"internal-error"}
    assert "AssertionError: a slip" in document.findings[0].message
    assert "raise AssertionError('a slip')" in document.findings[0].details["traceback"]


def test_only_the_status_of_its_own_blames_datacheck():
    with Pool(leave, 1, 1 << 30) as pool:
        (_, theirs), (_, own) = sorted(pool.run([1, OWN_FAILURE]))
    assert (theirs.trace, theirs.signal, theirs.proven) == ("", "exit status 1", False)
    assert (bool(own.trace), own.signal) == (True, f"exit status {OWN_FAILURE}")


def test_a_panic_of_a_library_in_a_job_is_not_datachecks():
    with Pool(panic, 1, 1 << 30) as pool:
        ((_, death),) = pool.run([5])
    assert isinstance(death, Death)
    assert (death.signal, death.note, death.trace) == ("exit status 1", 5, "")


@pytest.mark.parametrize("once", [True, False])
def test_a_process_that_leaves_by_itself_is_tried_alone_before_its_record_is_blamed(tmp_path, once):
    reader = Leaving(LmdbReader(write_lmdb(tmp_path / "env", RECORDS)), tmp_path / "mark", once)
    reader, report = prepare(reader, make(workers=1))
    run(report, reader)
    assert report.checked == 60
    bad = [(it.key, it.code) for it in report.findings if it.verdict == "bad"]
    assert bad == ([] if once else [("00000007", "crash")])
