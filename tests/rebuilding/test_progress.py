"""Test the progress of a rebuild from Python: a bar for each phase, or calls of a callback."""

import pytest
from building import raw_records, write_lmdb

import datacheck


@pytest.fixture
def store(tmp_path):
    return write_lmdb(tmp_path / "store", raw_records(60))


def test_a_bar_for_each_phase(tmp_path, store, capsys):
    datacheck.rebuild(store, tmp_path / "copy", drop_bad=True, progress=True)
    said = capsys.readouterr().err
    assert [said.index(f"\r{phase}: ") for phase in ("scan", "copy", "verify")] == sorted(
        said.index(f"\r{phase}: ") for phase in ("scan", "copy", "verify")
    )
    assert said.endswith("\r")  # the last bar is removed


def test_nothing_is_drawn_unasked(tmp_path, store, capsys):
    datacheck.rebuild(store, tmp_path / "copy", drop_bad=True)
    assert capsys.readouterr().err == ""


def test_a_callable_is_told(tmp_path, store):
    told = []
    datacheck.rebuild(store, tmp_path / "copy", drop_bad=True, progress=lambda *it: told.append(it))
    assert {phase for phase, *_ in told} == {"scan", "copy", "verify"}
    assert told[-1] == ("verify", 60, 60, 0)


def test_what_is_neither_is_refused(tmp_path, store):
    with pytest.raises(datacheck.UsageError, match="progress is 3; it must be True, or something to call"):
        datacheck.rebuild(store, tmp_path / "copy", progress=3)
    assert not (tmp_path / "copy").exists()
