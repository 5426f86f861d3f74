"""Test how `show` names a record that kills the worker that reads it, in a folder of several stores."""

import pytest
from building import raw_records, write_lmdb
from killed_scans import Here

from datacheck.scanning.settings.make_settings import make
from datacheck.showing.describing import ReadRecord
from datacheck.showing.record import show_record
from datacheck.workers.interface import Death


class Killing(Here):
    """An engine in which reading a record to show it kills the worker."""

    def steps(self, task):
        yield from [(task, Death("SIGSEGV", None))] if isinstance(task, ReadRecord) else super().steps(task)


@pytest.mark.parametrize("key", ["b:00000003", "00000003"])
def test_it_has_the_name_that_was_asked_for(tmp_path, key):
    for name in "ab":
        write_lmdb(tmp_path / name, raw_records(8))
    record = show_record(str(tmp_path), key, make(workers=1), engine=Killing)
    assert record.text == f"{key}\n  crash (bad): reading or decoding it killed the worker with SIGSEGV"
    assert (record.document.key, record.status) == (key, 1)
