"""Test that a clean copy is suggested only if it would have a record."""

from leveldb_building import write_log_store

import datacheck
from datacheck.reporting.advice import Asked, advice


def test_a_damaged_store_of_which_no_record_is_left(tmp_path):
    store = write_log_store(tmp_path / "it", [(b"a", b"hello")])
    assert datacheck.scan(store).checked == 1
    (store / "000003.log").write_bytes(bytes(4096))
    report = datacheck.scan(store)
    assert (report.status, report.checked) == (1, 0)
    assert "rebuild" not in (advice(report, [], Asked()) or "")
